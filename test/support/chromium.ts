import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Duplex } from "node:stream";
import * as z from "zod";
import { exitOf } from "../../local/childProcess.ts";

/** The first Chromium in PATH; undefined if there is none. */
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
  /** Default: light. */
  readonly scheme?: "light" | "dark";
}

/** A page in the browser, in a tab of its own. */
export interface Page {
  /** @returns the width of the content in CSS pixels; larger than the view's where it scrolls sideways */
  show(view: View): Promise<number>;
  /** @returns the value of a JavaScript expression, or what its promise gives */
  evaluate(expression: string): Promise<unknown>;
  /**
   * @param selector of the element to take, with a margin around it
   * @returns a WebP picture, twice as many pixels wide as the view's width, for dense screens
   */
  picture(selector: string, view: View): Promise<Uint8Array>;
  /** The browser's log: broken policies, files that were not found. */
  readonly log: readonly string[];
  /** Every request that the page has made, the page itself included. */
  readonly requests: readonly PageRequest[];
  /** Loads the page again, as a person does. */
  reload(): Promise<void>;
  /** Presses a key of the keyboard: `Tab`, `Enter`, `Escape` or a space. */
  press(key: keyof typeof keyCodes): Promise<void>;
  /** Types into the element that has the focus. */
  type(text: string): Promise<void>;
  close(): Promise<void>;
}

export interface PageRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly postData?: string | undefined;
}

export interface Browser {
  open(url: string): Promise<Page>;
  close(): Promise<void>;
}

const message = z.object({
  id: z.number().optional(),
  method: z.string().optional(),
  result: z.unknown().optional(),
  params: z.unknown().optional(),
  sessionId: z.string().optional(),
});
const attached = z.object({ sessionId: z.string() });
const created = z.object({ targetId: z.string() });
const metrics = z.object({ cssContentSize: z.object({ width: z.number() }) });
const logged = z.object({ entry: z.object({ text: z.string() }) });
const captured = z.object({ data: z.base64() });
const box = z.object({ y: z.number(), height: z.number() });
const printed = z.object({ args: z.array(z.object({ value: z.unknown() })) });
const requested = z.object({
  request: z.object({
    method: z.string(),
    url: z.string(),
    headers: z.record(z.string(), z.string()),
    postData: z.string().optional(),
  }),
});
const evaluated = z.object({
  result: z.object({ value: z.unknown().optional() }),
  exceptionDetails: z.unknown().optional(),
});

/** Of keys that do more than write their letter. */
const keyCodes = { Tab: 9, Enter: 13, Escape: 27, " ": 32 } as const;

/** Starts a headless browser. The DevTools protocol runs through a pipe, so the browser listens on no port. */
export async function openBrowser(executable: string): Promise<Browser> {
  const profile = await mkdtemp(path.join(tmpdir(), "chromium-"));
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
      const { id, method, result, params, sessionId } = message.parse(JSON.parse(part));
      if (id !== undefined) answers.get(id)?.(result);
      if (method !== undefined) listeners.get(`${sessionId} ${method}`)?.(params);
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
    async open(url) {
      const { targetId } = created.parse(await call("Target.createTarget", { url: "about:blank" }));
      const { sessionId } = attached.parse(await call("Target.attachToTarget", { targetId, flatten: true }));
      const send = (method: string, params: object = {}) => call(method, params, sessionId);
      const on = (method: string, listener: (params: unknown) => void) =>
        listeners.set(`${sessionId} ${method}`, listener);
      const log: string[] = [];
      const requests: PageRequest[] = [];
      on("Log.entryAdded", (params) => log.push(logged.parse(params).entry.text));
      on("Runtime.consoleAPICalled", (params) =>
        log.push(
          printed
            .parse(params)
            .args.map(({ value }) => String(value))
            .join(" "),
        ),
      );
      on("Runtime.exceptionThrown", (params) => log.push(JSON.stringify(params)));
      on("Network.requestWillBeSent", (params) => requests.push(requested.parse(params).request));
      for (const domain of ["Page", "Log", "Runtime", "Network"]) await send(`${domain}.enable`);

      async function load(method: string, params: object): Promise<void> {
        const loaded = new Promise((resolve) => on("Page.loadEventFired", resolve));
        await send(method, params);
        await loaded;
      }

      await load("Page.navigate", { url });
      async function show({ media, width, scheme = "light" }: View): Promise<number> {
        const screen = { width, height: 844, deviceScaleFactor: 1, mobile: true };
        const features = [{ name: "prefers-color-scheme", value: scheme }];
        await send("Emulation.setDeviceMetricsOverride", screen);
        await send("Emulation.setEmulatedMedia", { media, features });
        const { cssContentSize } = metrics.parse(await send("Page.getLayoutMetrics"));
        return cssContentSize.width;
      }
      async function evaluate(expression: string): Promise<unknown> {
        const how = { expression, awaitPromise: true, returnByValue: true };
        const { result, exceptionDetails } = evaluated.parse(await send("Runtime.evaluate", how));
        if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
        return result.value;
      }
      return {
        log,
        show,
        evaluate,
        requests,
        reload: () => load("Page.reload", {}),
        async press(key) {
          const text = { Enter: "\r", " ": " ", Tab: undefined, Escape: undefined }[key];
          const event = { key, code: key === " " ? "Space" : key, windowsVirtualKeyCode: keyCodes[key] };
          await send("Input.dispatchKeyEvent", { ...event, type: text ? "keyDown" : "rawKeyDown", text });
          await send("Input.dispatchKeyEvent", { ...event, type: "keyUp" });
        },
        async type(text) {
          await send("Input.insertText", { text });
        },
        async picture(selector, view) {
          await show(view);
          const element = `document.querySelector(${JSON.stringify(selector)})`;
          const { y, height } = box.parse(
            await evaluate(
              `(({ y, height }) => ({ y: y + scrollY, height }))(${element}.getBoundingClientRect())`,
            ),
          );
          const clip = { x: 0, y: y - 16, width: view.width, height: height + 32, scale: 2 };
          const how = { format: "webp", quality: 80, clip, captureBeyondViewport: true };
          const { data } = captured.parse(await send("Page.captureScreenshot", how));
          return Buffer.from(data, "base64");
        },
        async close() {
          await call("Target.closeTarget", { targetId });
        },
      };
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
