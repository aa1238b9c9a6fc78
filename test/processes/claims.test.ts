import { expect, test } from "vitest";
import { deployedBundle } from "../support/bundle.ts";
import { runBesideClaim } from "./huntInProcesses.ts";

test("a process stands still on its claim while another one runs → the claim is respected", async () => {
  expect(await runBesideClaim(await deployedBundle())).toEqual([]);
});
