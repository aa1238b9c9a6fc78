import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { z } from "zod";

export interface BicepServer {
  /** Resolves with `result`. Rejects with the compiler's message if it answers with an error or ends. */
  call(method: string, params: unknown): Promise<unknown>;
  close(): Promise<void>;
}

const message = z.object({
  id: z.int(),
  result: z.unknown().optional(),
  error: z.object({ message: z.string() }).optional(),
});

/**
 * The compiler as a server (`bicep jsonrpc --stdio`), since its start takes several times as long as a snapshot. It uses
 * JSON-RPC in the frames of the Language Server Protocol.
 *
 * @see https://microsoft.github.io/language-server-protocol/specifications/base/0.9/specification/
 */
export function startBicepServer(
  executable: string,
  environment: Readonly<Record<string, string>>,
): BicepServer {
  const child = spawn(executable, ["jsonrpc", "--stdio"], {
    // To compile again what is called often pays off only in long runs.
    env: { ...process.env, DOTNET_TC_CallCounting: "0", ...environment },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  let received: Buffer = Buffer.alloc(0);

  child.stdout.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (let frame = firstFrame(received); frame !== undefined; frame = firstFrame(received)) {
      received = frame.rest;
      const { id, result, error } = message.parse(JSON.parse(frame.text));
      if (error === undefined) waiting.get(id)?.resolve(result);
      else waiting.get(id)?.reject(new Error(error.message));
      waiting.delete(id);
    }
  });
  child.once("exit", (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`bicep jsonrpc ended with ${code}`));
  });

  return {
    call(method, params) {
      const answer = Promise.withResolvers<unknown>();
      const id = ++lastId;
      waiting.set(id, answer);
      const body = JSON.stringify({ jsonrpc: "2.0", id, method, params });
      child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
      return answer.promise;
    },
    close: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, "exit");
  child.kill();
  await ended;
}

/** The first frame; undefined: it has not arrived completely. */
function firstFrame(received: Buffer): { readonly text: string; readonly rest: Buffer } | undefined {
  const headEnd = received.indexOf("\r\n\r\n");
  const length = /Content-Length: (\d+)/i.exec(received.toString("latin1", 0, Math.max(headEnd, 0)))?.[1];
  if (length === undefined) return undefined;
  const start = headEnd + 4;
  const end = start + Number(length);
  return received.length < end
    ? undefined
    : { text: received.toString("utf8", start, end), rest: received.subarray(end) };
}
