import { createHash } from "node:crypto";
import { closest, distance } from "fastest-levenshtein";
import * as z from "zod/mini";
import {
  explainIssue,
  looksSecret,
  type Mistake,
  objectRule,
  shown,
  type Words,
} from "../config/configurationProblem.ts";
import { parseJson } from "../config/json.ts";
import { type Gateway, hasTwoKeys, type Run } from "../domain/target.ts";
import { HttpProblem, type HttpRequest } from "./exchange.ts";

/** What an HTTP request asks for: gateways by name, or `*` for all. */
export interface RotationRequest extends Readonly<Omit<Body, "confirm">> {
  /** `"confirm": "*"` was sent. */
  readonly isConfirmed: boolean;
  /** Equal for two requests that ask for the same, even if they are spelled differently. */
  readonly requestHash: string;
  /** Undefined: none was sent. */
  readonly idempotencyKey: string | undefined;
}

/** In bytes: room for hundreds of names. A longer body is not read to its end. */
const longestBody = 64 * 1024;

const body = z.strictObject({
  gateways: z.union([z.literal("*"), z.array(z.string().check(z.minLength(1))).check(z.minLength(1))]),
  reason: z.string().check(
    z.trim(),
    z.minLength(1),
    z.maxLength(200),
    z.refine((text) => !looksSecret(text)),
  ),
  mode: z._default(z.enum(["standard", "compromised"]), "standard"),
  dryRun: z._default(z.boolean(), false),
  takeOwnership: z._default(z.boolean(), false),
  confirm: z.optional(z.literal("*")),
});

type Body = z.infer<typeof body>;

/** As {@link explainIssue} takes them. */
const words: Readonly<Record<string, Words>> = {
  "": { rule: objectRule(body), remedy: 'write { "gateways": [ "…" ], "reason": "…" }' },
  "gateways[]": { rule: "the name of a gateway", remedy: "write a name from GET /api/gateways" },
  gateways: {
    rule: 'a list of names from the configuration, or "*" for all',
    remedy: 'write [ "warehouse" ] or "*"',
  },
  reason: {
    rule: "1 to 200 characters that give the reason, for the audit; nothing that looks like a key",
    remedy: 'write "reason": "…"',
  },
  mode: {
    rule: '"standard", or "compromised" to replace every key of a gateway',
    remedy: 'write one of the two, or leave it out for "standard"',
  },
  dryRun: { rule: "true or false", remedy: "write true or false without quotes, or leave it out" },
  takeOwnership: { rule: "true or false", remedy: "write true or false without quotes, or leave it out" },
  confirm: {
    rule: '"*", to confirm that all gateways are meant',
    remedy: 'write "*", or leave it out',
  },
} satisfies Record<keyof Body | "" | "gateways[]", Words>;

/**
 * Reads a request to rotate.
 *
 * @throws {HttpProblem} 400 with all problems at once, 413 if the body is too long, 415 if it is not JSON by its
 * content type
 */
export async function readRotationRequest(request: HttpRequest): Promise<RotationRequest> {
  const mediaType = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") {
    throw new HttpProblem({
      status: 415,
      code: "unsupported-media-type",
      detail: `The content type is ${shown(mediaType)}, and should be application/json.`,
      nextAction: "Send JSON, with the header content-type: application/json.",
    });
  }
  const text = await readText(request);
  const json = parseJson(text);
  const idempotencyKey = request.headers.get("idempotency-key") ?? undefined;
  const problems =
    idempotencyKey === undefined || keyPattern.test(idempotencyKey) ? [] : [wrongKey(idempotencyKey)];
  if (json.kind === "fault") {
    throw invalid([...problems, text === "" ? emptyBody : json.fault]);
  }
  const parsed = body.safeParse(json.value, { reportInput: true });
  const found = [
    ...problems,
    ...json.duplicates,
    ...(parsed.error?.issues ?? []).flatMap((issue) => explainIssue(issue, words, wholeBody)),
  ];
  if (!parsed.success || found.length > 0) throw invalid(found);
  const { confirm, gateways, ...asked } = parsed.data;
  const names = gateways === "*" ? gateways : [...new Set(gateways.map((name) => name.toLowerCase()))].sort();
  const same = { ...asked, gateways: names };
  const requestHash = createHash("sha256").update(JSON.stringify(same)).digest("hex");
  return { ...asked, gateways, requestHash, idempotencyKey, isConfirmed: confirm === "*" };
}

const wholeBody = "(the whole body)";

/** The Functions host passes a body on only if the request has a Content-Length. */
const emptyBody: Mistake = {
  path: wholeBody,
  value: "(empty)",
  rule: "the body is JSON, sent with its Content-Length",
  remedy: "send the JSON; if your client sends it in chunks, make it send a Content-Length instead",
};

const keyPattern = /^[\x21-\x7e]{1,200}$/;

const wrongKey = (key: string): Mistake => ({
  path: "header Idempotency-Key",
  value: shown(key),
  rule: "1 to 200 printable ASCII characters without spaces",
  remedy: "send a fresh GUID, and the same one when you repeat the request",
});

async function readText(request: HttpRequest): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.byteLength;
    if (length > longestBody) {
      throw new HttpProblem({
        status: 413,
        code: "body-too-large",
        detail: `The body is longer than ${longestBody} bytes.`,
        nextAction: 'Name fewer gateways in one request, or all of them with "*".',
      });
    }
    chunks.push(chunk);
  }
  // The decoder removes a byte order mark: some tools write one in front of every file.
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/**
 * The gateways that a request names, in the order of the configuration. Names compare without case.
 *
 * @throws {HttpProblem} 404 with the names that no configured gateway has, and the nearest names; 400 if `"*"` is not
 * confirmed although it stops gateways or replaces every key
 */
export function chooseGateways(
  { gateways: wanted, mode, dryRun, isConfirmed }: RotationRequest,
  configured: readonly Gateway[],
): readonly Gateway[] {
  if (wanted === "*") {
    const stopped = configured.filter(({ target }) => !hasTwoKeys(target)).map(({ name }) => name);
    const needsConfirmation = !dryRun && (mode === "compromised" || stopped.length > 0);
    if (needsConfirmation && !isConfirmed) throw invalid([unconfirmed(mode, stopped)]);
    return configured;
  }
  const names = new Map(wanted.map((name) => [name.toLowerCase(), name]));
  const found = configured.filter(({ name }) => names.delete(name.toLowerCase()));
  if (names.size === 0) return found;
  throw new HttpProblem({
    status: 404,
    code: "gateways-unknown",
    detail: `The configuration has no enabled gateway named ${listed([...names.values()], configured)}.`,
    nextAction:
      "Compare the names with GET /api/gateways. Nothing was started, not even for the other gateways.",
  });
}

const mostListed = 20;

function listed(names: readonly string[], configured: readonly Gateway[]): string {
  const known = configured.map(({ name }) => name);
  const shownNames = names.slice(0, mostListed).map((name) => `${shown(name)}${nearest(name, known)}`);
  const more = names.length > mostListed ? ` and ${names.length - mostListed} more` : "";
  return `${shownNames.join(", ")}${more}`;
}

/** The most similar known name, if at most a third of the letters differ. */
function nearest(name: string, known: readonly string[]): string {
  const wanted = name.toLowerCase();
  const spellings = new Map(known.map((each) => [each.toLowerCase(), each]));
  const best = closest(wanted, [...spellings.keys()]);
  return distance(wanted, best) <= Math.ceil(name.length / 3)
    ? ` (did you mean ${spellings.get(best)}?)`
    : "";
}

/** A request for all gateways needs a confirmation, so that one mistake does not stop them all. */
function unconfirmed(mode: Run["mode"], stopped: readonly string[]): Mistake {
  const stops = `${stopped.slice(0, 3).join(", ")}${stopped.length > 3 ? ` and ${stopped.length - 3} more` : ""}`;
  const rule =
    mode === "compromised"
      ? "every key of every gateway is replaced only if the request confirms it"
      : `a request that stops version 1 gateways until their hosts have the new keys (${stops}) has to confirm it`;
  const remedy = 'add "confirm": "*", or name the gateways';
  return { path: "confirm", value: shown(undefined), rule, remedy };
}

const invalid = (problems: readonly Mistake[]): HttpProblem =>
  new HttpProblem({
    status: 400,
    code: "request-invalid",
    detail: `The request has ${problems.length === 1 ? "1 problem" : `${problems.length} problems`}.`,
    nextAction: "Correct what `problems` lists. Nothing was started.",
    problems: problems.slice(0, mostListed).map((each) => ({ source: "request", ...each })),
  });
