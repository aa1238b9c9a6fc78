import { expect, test } from "vitest";
import { parseJournal } from "../../src/journal/journal.ts";

test.each([
  ["", "it is not JSON"],
  ["[]", ": Invalid input: expected object, received array"],
  ['{"schema":1,"identity":5}', "identity: Invalid input: expected string, received number"],
])("the unreadable journal %j → the place, and what was expected there", (text, problem) => {
  expect(parseJournal(text, "target")).toEqual({ kind: "unreadable", problem });
});
