import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { endChild, exitOf } from "./childProcess.ts";

export interface Azurite {
  readonly pid: number;
  readonly connectionString: string;
  stop(): Promise<void>;
}

// Azurite's public development account: https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
const account = "devstoreaccount1";
const accountKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/** A start takes 1 s, on a busy machine ten times as long. */
const startPatienceMs = 120_000;

/** It ends at once. */
const stopPatienceMs = 10_000;

/**
 * Starts Azure Storage's emulator on free ports of 127.0.0.1, in memory. It starts all three services: they take no
 * longer than blobs alone, and the real Functions host also uses tables.
 *
 * @throws with Azurite's output if it does not listen within two minutes
 */
export async function startAzurite(): Promise<Azurite> {
  const child = spawn(
    process.execPath,
    [
      ["--import", import.meta.resolve("./azuritePreload.ts")],
      [
        "--disable-warning=ExperimentalWarning",
        fileURLToPath(import.meta.resolve("azurite/dist/src/azurite.js")),
      ],
      // The storage SDK uses a newer API version than any that Azurite accepts by default.
      ["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"],
      ["--blobHost", "127.0.0.1", "--blobPort", "0"],
      ["--queueHost", "127.0.0.1", "--queuePort", "0"],
      ["--tableHost", "127.0.0.1", "--tablePort", "0"],
    ].flat(),
    { cwd: tmpdir(), stdio: ["ignore", "pipe", "pipe", "ipc"] },
  );
  const ended = exitOf(child);
  const stop = () => endChild(child, stopPatienceMs);

  const endpoints = new Map<string, string>();
  let output = "";
  const listening = new Promise<void>((resolveListening) => {
    const read = (text: string) => {
      output += text;
      for (const [, service = "", url = ""] of output.matchAll(
        /Azurite (\w+) service is successfully listening at (\S+)/g,
      )) {
        endpoints.set(`${service}Endpoint`, `${url}/${account}`);
      }
      if (endpoints.size === 3) resolveListening();
    };
    child.stdout?.setEncoding("utf8").on("data", read);
    child.stderr?.setEncoding("utf8").on("data", read);
  });

  const late = AbortSignal.timeout(startPatienceMs);
  await Promise.race([listening, ended, once(late, "abort")]);
  if (endpoints.size < 3 || child.pid === undefined) {
    await stop();
    throw new Error(`Azurite did not start. ${output.trim()}`);
  }
  const parts = { DefaultEndpointsProtocol: "http", AccountName: account, AccountKey: accountKey };
  return {
    pid: child.pid,
    connectionString: [...Object.entries(parts), ...endpoints].map((pair) => `${pair.join("=")};`).join(""),
    stop,
  };
}
