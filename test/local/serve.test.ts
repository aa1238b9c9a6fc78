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

describe("the end of the functions host", () => {
  test("the host ends by itself → exit code 1; prints how it ended and its last lines", async () => {
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

  test("the host ends by the Ctrl-C of the session → exit code 0, no output", async () => {
    const host = { exited: Promise.resolve({ code: 0, signal: null }), output: () => "bye" };
    expect(await untilEnd(host, sessionOf(AbortSignal.abort()))).toBe(0);
    expect(printed).toEqual([]);
  });
});
