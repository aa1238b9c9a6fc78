import { daysAgo, rotated } from "./samples.ts";

/** Tag values with which a writer could harm the readers of a report. */
export const hostileValues: readonly string[] = [
  "<script>alert(1)</script>",
  "</style><script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "' onfocus='alert(1)' autofocus='",
  "<!-- --><svg/onload=alert(1)>",
  "&lt;script&gt; &amp;",
  "`x` {{7*7}}",
  "=cmd|' /C calc'!A0",
  "+1+1",
  "-1-1",
  "@SUM(A1)",
  "\t=1+1",
  "\r=1+1",
  "\n=1+1",
  "x;=1+1",
  "x; @SUM(A1)",
  'x; "=1+1',
  "＝1+1",
  'quotes " and "" and \' and ,;',
  "line\r\nbreak,\u2028and\u2029more",
  "\u0000\u0007\u001b[31m\u009b",
  "\u202egnp.exe\u2066\u200f",
  "עברית العربية 日本語 हिन्दी 👩‍💻",
  "\ud800 alone",
  "x".repeat(256),
  "__proto__",
  "",
];

const tagNames = [
  "reason",
  "requested-by",
  "request-id",
  "trigger",
  "fingerprint",
  "managed-by",
  "sequence",
] as const;

/** A history in which each of these tags has each hostile value, one at a time. */
export const hostileVersions = hostileValues.flatMap((value, index) =>
  tagNames.map((name, place) => {
    const number = index * tagNames.length + place + 1;
    const prefix = name === "managed-by" ? "gateway-key-rotation/" : "";
    return rotated(number, daysAgo(20 - number / 20), { tags: { [name]: prefix + value } });
  }),
);
