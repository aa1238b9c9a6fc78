import { expect, test } from "vitest";
import { createRoute } from "../../local/functionsHost/route.ts";

const match = (template: string, pathname: string) => createRoute(template).match(pathname);

test("literals in another case, and a slash at the end → matched, and the parameter keeps its case", () => {
  expect(match("api/rotations/{runId}", "/API/Rotations/Run-1/")).toEqual({ runId: "Run-1" });
});

test("a path of another length, or with an empty parameter → not matched", () => {
  for (const pathname of ["/api/rotations", "/api/rotations//", "/api/rotations/a/b", "/rotations/a"])
    expect(match("api/rotations/{runId}", pathname)).toBeUndefined();
});

test("encoded parameters → decoded, but for %2F and what is no encoding", () => {
  expect(match("{a}/{b}", "/a%20%C3%A9%25/b%2Fc")).toEqual({ a: "a é%", b: "b%2Fc" });
  expect(match("{a}", "/%zz")).toEqual({ a: "%zz" });
});

test("signs that mean something to the pattern below → literal", () => {
  expect(match("a+(b)*:c", "/a+(b)*:c")).toEqual({});
  expect(match("a+(b)*:c", "/aa+(b)*:c")).toBeUndefined();
});

test.each(["{id?}", "{id:int}", "{*rest}", "{id=1}", "{a}-{b}", "v{major}", "{}", "{"])(
  "the segment %s → refused by name",
  (segment) => {
    expect(() => createRoute(`api/${segment}`)).toThrow(`serves no segment such as "${segment}"`);
  },
);
