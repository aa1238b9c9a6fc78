import { beforeEach, describe, expect, test } from "vitest";
import { untilEnd } from "../../local/serve.ts";

let printed: string[];
beforeEach(() => {
  printed = [];
});

const sessionOf = (interruption: AbortSignal) => ({
  print: (text: string) => void printed.push(text),
  interruption,
});

describe("the end of a functions host that is served", () => {
  test("it ends by itself → exit code 1, how, and the last lines that it wrote", async () => {
    const lines = Array.from({ length: 500 }, (_, index) => `line ${index}`);
    const host = {
      exited: Promise.resolve({ code: null, signal: "SIGKILL" as const }),
      output: () => `${lines.join("\n")}\n`,
    };
    expect(await untilEnd(host, sessionOf(new AbortController().signal))).toBe(1);
    const [text = ""] = printed;
    expect(text).toContain("The functions host ended (SIGKILL)");
    expect(text.split("\n").slice(1)).toEqual(lines.slice(-12));
  });

  test("it ends by the Ctrl-C that ends the session → exit code 0, and silence", async () => {
    const host = { exited: Promise.resolve({ code: 0, signal: null }), output: () => "bye" };
    expect(await untilEnd(host, sessionOf(AbortSignal.abort()))).toBe(0);
    expect(printed).toEqual([]);
  });
});
