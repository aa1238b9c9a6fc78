import { createHash } from "node:crypto";
import { htmlEscape } from "escape-goat";
import { describe, expect, test } from "vitest";
import type { AuditScope } from "../../../cli/audit/audit.ts";
import { renderCsv } from "../../../cli/audit/csv.ts";
import { rules } from "../../../cli/audit/findings.ts";
import { createAxis } from "../../../cli/audit/html/axis.ts";
import { renderHtml } from "../../../cli/audit/html/page.ts";
import { css } from "../../../cli/audit/html/style.ts";
import type { Period } from "../../../cli/audit/report.ts";
import { formats } from "../../../cli/audit/reportFormats.ts";
import { renderSummary } from "../../../cli/audit/summary.ts";
import type { ListedVersion } from "../../../cli/azure/keyVaultLists.ts";
import { hostileValues, hostileVersions } from "./hostile.ts";
import { contoso, daysAgo, foreignVersion, now, regular, reportOf, rotated, vaultsWith } from "./samples.ts";

const hostile = await reportOf(
  { [contoso]: { a: hostileVersions } },
  { only: ["a", "<script>alert(1)</script>"] },
);

const clean = await reportOf({ [contoso]: { a: regular(3, 30) } });

/** Of a gateway that was never rotated. */
const neverRotated = await reportOf(
  {},
  { vaults: [], gateways: [{ name: "gone", secret: { vaultUrl: contoso, secretName: "gone" } }] },
);

/** Parses CSV (RFC 4180) in which every field is quoted; throws at any other field. */
function parseCsv(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [[]];
  const field = /"((?:[^"]|"")*)"(,|\r\n)/y;
  for (let match = field.exec(text); match !== null; match = field.exec(text)) {
    rows.at(-1)?.push((match[1] ?? "").replaceAll('""', '"'));
    if (match[2] === "\r\n") rows.push([]);
    if (field.lastIndex === text.length) return rows.slice(0, -1);
  }
  throw new Error(`Not a quoted field at ${field.lastIndex}`);
}

/** Every tag of a page, without the values of its attributes. */
const tagsOf = (page: string): readonly string[] =>
  [...page.matchAll(/<(\/?[^\s>]*)((?:[^>"]|"[^"]*")*)>/g)].map(
    ([, name, attributes]) => `${name}${attributes?.replace(/"[^"]*"/g, '""')}`,
  );

/** Control characters, characters that change the direction of writing, and lone surrogates. */
const unseen = /[^\P{Cc}\n]|[\p{Bidi_Control}\p{Cs}]/gu;

/** The contrast ratio of WCAG 2, from 1 to 21. */
function contrast(one: string, other: string): number {
  const luminance = (color: string): number => {
    const digits = color.length === 4 ? color.slice(1).replace(/./g, "$&$&") : color.slice(1);
    const [red = 0, green = 0, blue = 0] = [0, 2, 4]
      .map((place) => Number.parseInt(digits.slice(place, place + 2), 16) / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

describe("JSON", () => {
  test("hostile tags → JSON without control characters, which parses to the same tags", () => {
    const text = formats.json(hostile);
    expect(text.match(unseen)).toBeNull();
    const { schema, schemaVersion, secrets } = JSON.parse(text);
    expect([schema, schemaVersion]).toEqual(["gateway-key-rotation/audit", 1]);
    const tags = secrets[0].versions.map(({ tags }: { readonly tags: unknown }) => tags);
    expect(tags).toEqual(hostile.secrets[0]?.versions.map(({ tags }) => tags));
    const reasons = new Set(tags.map((each: Record<string, string>) => each["reason"]));
    expect(hostileValues.filter((value) => !reasons.has(value))).toEqual([]);
  });

  test("a clean history → JSON with exactly the fields of docs/audit.md", () => {
    const document = JSON.parse(formats.json(clean));
    expect(Object.keys(document)).toEqual([
      "schema",
      "schemaVersion",
      "createdAt",
      "period",
      "vaults",
      "counts",
      "unknown",
      "secrets",
    ]);
    expect(document.counts).toEqual({ secrets: 1, problem: 0, warning: 0, information: 0, unknown: 0 });
    expect(document.secrets[0]).toMatchObject({
      name: "a",
      vaultUrl: contoso,
      secretName: "a",
      everyDays: 30,
    });
    expect(document.secrets[0].versions[0]).toMatchObject({
      createdOn: "2026-03-18T12:00:00.000Z",
      writtenByUs: true,
      tags: { sequence: "1" },
    });
  });
});

describe("CSV", () => {
  const text = renderCsv(hostile);
  const [head = [], ...rows] = parseCsv(text.slice(1));

  test("hostile tags → CSV with a byte order mark, one line a version, all fields quoted", () => {
    expect(text.charCodeAt(0)).toBe(0xfeff);
    expect(rows).toHaveLength(hostileVersions.length);
    expect(rows.every((row) => row.length === head.length)).toBe(true);
    expect(text.split(/[\r\n\u2028\u2029\u0085]+/)).toHaveLength(rows.length + 2);
  });

  test("hostile tags → no CSV field, and no part after a semicolon, begins with a formula", () => {
    const formulas = rows.flat().filter((field) => /(?:^|;)[\s"]*[=+\-@＝＋－＠\t\r]/u.test(field));
    expect(formulas).toEqual([]);
    expect(rows.flat()).toContain("'=cmd|' /C calc'!A0");
    expect(rows.flat()).toContain("x;'=1+1");
  });

  test("text in other scripts → unchanged in CSV", () => {
    expect(rows.flat()).toContain("עברית العربية 日本語 हिन्दी 👩‍💻");
  });

  test("findings → in the version's CSV row; a secret without versions has a row of its own", () => {
    const [names = [], row = []] = parseCsv(renderCsv(neverRotated).slice(1));
    expect([row[names.indexOf("gateway")], row[names.indexOf("version")]]).toEqual(["gone", ""]);
    expect(row[names.indexOf("secret-findings")]).toBe("never-rotated");
    const incomplete = rows.find((each) => each[head.indexOf("trigger")]?.includes("script"));
    expect(incomplete?.[head.indexOf("findings")]).toContain("tags-incomplete");
  });
});

describe("HTML", () => {
  const page = renderHtml(hostile);
  const pageOf = async (versions: Readonly<Record<string, readonly ListedVersion[]>>, scope?: AuditScope) =>
    renderHtml(await reportOf({ [contoso]: versions }, scope));

  test("hostile tags → a page with the tags and attributes of a harmless report only", async () => {
    const harmless = hostileVersions.map((_, index) =>
      rotated(index + 1, new Date(now.getTime() - index * 1_000), {
        tags: { trigger: "?", "managed-by": `gateway-key-rotation/${index}` },
      }),
    );
    const report = await reportOf(
      { [contoso]: { a: harmless, b: regular(3, 30) } },
      { everyDays: 1, only: ["a", "no-gateway"] },
    );
    const all = await reportOf(vaultsWith(60));
    const known = new Set([report, all].flatMap((each) => tagsOf(renderHtml(each))));
    expect(tagsOf(page).filter((tag) => !known.has(tag))).toEqual([]);
    expect(page.match(/<(?:script|img|iframe|object|embed|base|form|link)/gi)).toBeNull();
    expect(page.match(unseen)).toBeNull();
    expect(page.includes("&lt;script&gt;alert(1)&lt;/script&gt;")).toBe(true);
  });

  test("the page's policy → allows its own style by hash, and nothing else", () => {
    const styles = [...page.matchAll(/<style>(.*?)<\/style>/gs)].map(([, css]) => css ?? "");
    expect(styles).toHaveLength(1);
    const hash = createHash("sha256").update(styles.join()).digest("base64");
    expect(page).toContain(
      `<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;sha256-${hash}&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;">`,
    );
    expect(page).not.toMatch(/\sstyle="/);
  });

  test("the page's links → lead to ids that exist once on the page", () => {
    const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const used = [
      ...[...page.matchAll(/\shref="([^"]+)"/g)].map(([, link]) => link?.slice(1)),
      ...[...page.matchAll(/\saria-labelledby="([^"]+)"/g)].flatMap(([, names]) => names?.split(" ")),
    ];
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((id) => !ids.includes(id))).toEqual([]);
  });

  test("every picture → a title and a description, or hidden from screen readers", () => {
    const pictures = [...page.matchAll(/<svg ([^>]*)>(.*?)<\/svg>/gs)];
    expect(pictures.length).toBeGreaterThan(3);
    for (const [, attributes, content] of pictures) {
      if (attributes?.includes('aria-hidden="true"')) continue;
      expect(attributes).toContain('role="img"');
      expect(content).toMatch(/^<title id="\w+">[^<]+<\/title><desc id="\w+">[^<]+<\/desc>/);
    }
  });

  test("200 gateways with 2,000 versions → a page below 2.5 MB with a timeline for each gateway", async () => {
    const large = renderHtml(await reportOf(vaultsWith(200)));
    expect(Buffer.byteLength(large)).toBeLessThan(2_500_000);
    expect(large.match(/<svg role="img"/g)).toHaveLength(200);
  });

  test("400 versions → the newest 50 in the table, and a note on where the others are", async () => {
    const long = await pageOf({ a: regular(400, 1) }, { everyDays: 1 });
    expect(long.match(/<div class="evidence"/g)).toHaveLength(50);
    expect(long).toContain("350 older versions without findings");
  });

  test("a period before the latest version → no row is the latest; the last rotation is shown", async () => {
    const of = (period: Period) => pageOf({ a: regular(4, 30) }, { period });
    const isLatest = "<span>latest</span>";
    expect((await of({})).split(isLatest)).toHaveLength(2);
    const early = await of({ until: daysAgo(40) });
    expect(early.match(/<div class="evidence"/g)).toHaveLength(3);
    expect(early).not.toContain(isLatest);
    expect(early).toContain('class="last">15 days ago</td>');
  });

  test("no secret could be read → a page without a section of findings", async () => {
    const page = renderHtml(await reportOf({}));
    expect(page).toContain("What the audit could not check");
    expect(page).not.toContain('id="findings"');
  });

  test("text in the light and the dark scheme → a contrast of at least 4.5 to 1", () => {
    const schemes = [...css.matchAll(/:root\{([^}]*--page[^}]*)\}/g)].map(([, rules]) =>
      Object.fromEntries(
        [...(rules ?? "").matchAll(/--(\w+):(#\w+)/g)].map(([, name, color]) => [name, color ?? ""]),
      ),
    );
    expect(schemes).toHaveLength(3);
    for (const scheme of schemes) {
      for (const name of ["ink", "soft", "accent", "problem", "warning"]) {
        expect(contrast(scheme[name] ?? "", scheme["page"] ?? "")).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  test("every finding → a mark with a length or an area, since a PDF shows no other", async () => {
    const all = renderHtml(await reportOf(vaultsWith(60)));
    const paths = [...all.matchAll(/ d="([^"]+)"/g)].map(([, d]) => d ?? "");
    expect(paths.length).toBeGreaterThan(100);
    expect(paths.filter((d) => /[hv]0(?:[M"]|$)/.test(d) || !/^(?:M\d+ \d+[vH]\d+)+$/.test(d))).toEqual([]);
    expect(all).toMatch(/<rect class="foreign" x="[\d.]+%" y="\d+" width="10" height="10"\/>/);
  });

  test("a version of another writer within a key's period → the key's bar ends there", async () => {
    const day = 86_400_000;
    const own = rotated(1, daysAgo(20));
    const end = async (...versions: readonly ListedVersion[]): Promise<number> => {
      const timelines = (await pageOf({ a: versions })).split("<tbody")[1] ?? "";
      return Number(/class="young" d="M\d+ \d+H(\d+)"/.exec(timelines)?.[1]);
    };
    const axis = createAxis(own.createdOn, now, now);
    expect(await end(own, foreignVersion(daysAgo(5)))).toBe(axis.x(daysAgo(5)));
    expect(await end(own)).toBe(axis.x(new Date(now.getTime() + 10 * day)));
  });

  test("the legend → the marks that this page has, and no other", async () => {
    const legendOf = (page: string): readonly (string | undefined)[] =>
      [...page.matchAll(/<li><svg aria-hidden.*?<\/svg>(.*?)<\/li>/g)].map(([, text]) => text);
    expect(legendOf(await pageOf({ a: regular(3, 30) }))).toEqual(["rotated", "key within its period"]);
    const late = [rotated(1, daysAgo(50)), rotated(2, daysAgo(5), { tags: { fingerprint: "?" } })];
    expect(legendOf(await pageOf({ a: [...late, foreignVersion(daysAgo(1))] }))).toEqual([
      "rotated",
      "key within its period",
      "rotation late or overdue",
      "version written outside this system",
      "other warning",
    ]);
  });

  test("20 gateways with one kind of finding → its sentences once, and a short line for each", async () => {
    const foreign = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [
        `s-${index}`,
        [...regular(3, 30, `s-${index}`), foreignVersion(daysAgo(1 + index))],
      ]),
    );
    const page = await pageOf(foreign);
    const { meaning, action } = rules["foreign-version"];
    for (const sentence of [meaning, action]) expect(page.split(htmlEscape(sentence))).toHaveLength(2);
    const cases = [...page.matchAll(/<li><a href="#h\d+">s-\d+<\/a> <span>(.*?)<\/span>/g)];
    expect(cases).toHaveLength(20);
    for (const [, message = ""] of cases) expect(message.length).toBeLessThan(50);
  });

  test("a gateway that was never rotated → dated now, not some time ago", () => {
    const page = renderHtml(neverRotated);
    const [, date] = /<time datetime="[^"]+">([^<]*)<\/time> <span><\/span>/.exec(page) ?? [];
    expect(date).toBe("now");
    expect(renderSummary(neverRotated)).toContain("gone: No version. now\n");
    expect(page).toContain('class="last">never</td>');
  });

  test("gateways → most severe first, each history with its findings; folded unless it is the only one", async () => {
    const both = [rotated(1, daysAgo(130)), rotated(2, daysAgo(60))];
    const histories = { a: regular(3, 30), b: [rotated(1, daysAgo(50)), rotated(2, daysAgo(5))], c: both };
    const page = await pageOf(histories);
    expect(page).toContain("Gateways with the most severe findings first.");
    const rows = [
      ...page.matchAll(/<details class="history item (\w+)"( open)?>.*?class="state">(.*?)<\/span>/g),
    ];
    expect(rows.map(([, worst, open, state]) => [worst, open, state])).toEqual([
      ["problem", undefined, "1 problem and 1 warning"],
      ["warning", undefined, "1 warning"],
      ["clean", undefined, "no findings"],
    ]);
    expect(await pageOf({ a: regular(3, 30) })).toContain('<details class="history item clean" open>');
  });

  test("ten gateways, some with findings → a filter with their numbers; nine → none", async () => {
    const of = (gateways: number) =>
      pageOf({
        ...Object.fromEntries(
          Array.from({ length: gateways - 2 }, (_, i) => [`s-${i}`, regular(3, 30, `${i}`)]),
        ),
        late: [rotated(1, daysAgo(50)), rotated(2, daysAgo(5))],
        overdue: [rotated(1, daysAgo(60))],
      });
    const choices = [...(await of(10)).matchAll(/<input type="radio"[^>]*>([^<]*)<\/label>/g)];
    expect(choices.map(([, text]) => text)).toEqual([
      "all (10)",
      "with problems or warnings (2)",
      "with problems (1)",
    ]);
    expect(await of(9)).not.toContain("<input");
  });

  test("no findings → a page with that verdict", () => {
    expect(renderHtml(clean)).toContain('<p class="lead">Nothing wrong in 1 gateway</p>');
  });
});

test("hostile tags → a summary without control characters but line ends", () => {
  expect(renderSummary(hostile).match(unseen)).toBeNull();
});
