import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Duplex } from "node:stream";
import * as z from "zod";
import { exitOf } from "../../../local/childProcess.ts";

/** The first Chromium in PATH; undefined where there is none. */
export const chromium: string | undefined = (process.env["PATH"] ?? "")
  .split(path.delimiter)
  .flatMap((folder) =>
    ["chromium", "chromium-browser", "google-chrome"].map((name) => path.join(folder, name)),
  )
  .find(isExecutable);

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A screen or a sheet of paper, by its width in CSS pixels. */
export interface View {
  readonly media: "screen" | "print";
  readonly width: number;
}

/** A page as the browser rendered it. */
export interface Rendered {
  /** The width of the content in each view, in CSS pixels; larger than the view's where it scrolls sideways. */
  readonly widths: readonly number[];
  /** The browser's log: broken policies, files that were not found. */
  readonly log: readonly string[];
}

export interface Browser {
  /** Opens a file with scripts turned off, and renders it in one view after the other. */
  render(file: string, views: readonly View[]): Promise<Rendered>;
  close(): Promise<void>;
}

const message = z.object({
  id: z.number().optional(),
  method: z.string().optional(),
  result: z.unknown().optional(),
  params: z.unknown().optional(),
});
const attached = z.object({ sessionId: z.string() });
const created = z.object({ targetId: z.string() });
const metrics = z.object({ cssContentSize: z.object({ width: z.number() }) });
const logged = z.object({ entry: z.object({ text: z.string() }) });

/** Starts a headless browser. The DevTools protocol runs through a pipe, so the browser listens on no port. */
export async function openBrowser(executable: string): Promise<Browser> {
  const profile = await mkdtemp(path.join(tmpdir(), "audit-chromium-"));
  const flags = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--remote-debugging-pipe",
    `--user-data-dir=${profile}`,
  ];
  const child = spawn(executable, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const exited = exitOf(child);
  const [input, output] = [pipeOf(child, 3), pipeOf(child, 4)];
  const answers = new Map<number, (result: unknown) => void>();
  const listeners = new Map<string, (params: unknown) => void>();
  let rest = "";
  let calls = 0;

  output.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\0");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const { id, method, result, params } = message.parse(JSON.parse(part));
      if (id !== undefined) answers.get(id)?.(result);
      if (method !== undefined) listeners.get(method)?.(params);
    }
  });

  function call(method: string, params: object = {}, sessionId?: string): Promise<unknown> {
    const id = ++calls;
    return new Promise((resolve) => {
      answers.set(id, resolve);
      input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  return {
    async render(file, views) {
      const { targetId } = created.parse(await call("Target.createTarget", { url: "about:blank" }));
      const { sessionId } = attached.parse(await call("Target.attachToTarget", { targetId, flatten: true }));
      const log: string[] = [];
      listeners.set("Log.entryAdded", (params) => log.push(logged.parse(params).entry.text));
      const loaded = new Promise((resolve) => listeners.set("Page.loadEventFired", resolve));
      await call("Page.enable", {}, sessionId);
      await call("Log.enable", {}, sessionId);
      await call("Emulation.setScriptExecutionDisabled", { value: true }, sessionId);
      await call("Page.navigate", { url: `file://${file}` }, sessionId);
      await loaded;
      const widths: number[] = [];
      for (const { media, width } of views) {
        const screen = { width, height: 844, deviceScaleFactor: 1, mobile: true };
        await call("Emulation.setDeviceMetricsOverride", screen, sessionId);
        await call("Emulation.setEmulatedMedia", { media }, sessionId);
        const { cssContentSize } = metrics.parse(await call("Page.getLayoutMetrics", {}, sessionId));
        widths.push(cssContentSize.width);
      }
      await call("Target.closeTarget", { targetId });
      return { widths, log };
    },
    async close() {
      await call("Browser.close");
      await exited;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function pipeOf({ stdio }: ChildProcess, index: 3 | 4): Duplex {
  const pipe = stdio[index];
  if (pipe instanceof Duplex) return pipe;
  throw new Error("Chromium could not be started with pipes.");
}
