import { expect, test } from "vitest";
import { createRoute } from "../../local/functionsHost/triggers.ts";

const match = (template: string, pathname: string) => createRoute(template).match(pathname);

test("literals in another case, and a trailing slash → matched; parameters keep their case", () => {
  expect(match("api/rotations/{runId}", "/API/Rotations/Run-1/")).toEqual({ runId: "Run-1" });
});

test("a path of another length, or with an empty parameter → not matched", () => {
  for (const pathname of ["/api/rotations", "/api/rotations//", "/api/rotations/a/b", "/rotations/a"])
    expect(match("api/rotations/{runId}", pathname)).toBeUndefined();
});

test("encoded parameters → decoded, except %2F and invalid encodings", () => {
  expect(match("{a}/{b}", "/a%20%C3%A9%25/b%2Fc")).toEqual({ a: "a é%", b: "b%2Fc" });
  expect(match("{a}", "/%zz")).toEqual({ a: "%zz" });
});

test("characters that are special in a URL pattern → literal", () => {
  expect(match("a+(b)*:c", "/a+(b)*:c")).toEqual({});
  expect(match("a+(b)*:c", "/aa+(b)*:c")).toBeUndefined();
});

test.each(["{id?}", "{id:int}", "{*rest}", "{id=1}", "{a}-{b}", "v{major}", "{}", "{"])(
  "the segment %s → refused by name",
  (segment) => {
    expect(() => createRoute(`api/${segment}`)).toThrow(`does not support the route segment "${segment}"`);
  },
);
