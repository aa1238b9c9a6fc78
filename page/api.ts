import type { DryRun, Gateway, Problem, RotationBody, Run } from "./answers.ts";

/** An answer of a route. `status` is 0 if no answer came. */
export type Answer<Body> =
  | { readonly kind: "answered"; readonly body: Body }
  | { readonly kind: "refused"; readonly status: number; readonly problem: Problem };

/** The routes beside the page, called with one function key. */
export interface Api {
  listGateways(): Promise<Answer<{ readonly gateways: readonly Gateway[] }>>;
  readRun(id: string): Promise<Answer<Run>>;
  dryRun(body: RotationBody): Promise<Answer<DryRun>>;
  rotate(body: RotationBody, idempotencyKey: string): Promise<Answer<Run>>;
}

/** What a person enters. Each may be empty: then requests are sent without it. */
export interface Credentials {
  readonly functionKey: string;
  /** A token of Microsoft Entra ID, for an app with a sign-in in front of its routes. */
  readonly accessToken: string;
}

/** The only place that keeps credentials: in this closure, and in the headers of each request. A reload forgets them. */
export function createApi({ functionKey, accessToken }: Credentials): Api {
  // The page is at …/status, wherever host.json puts the routes.
  const routes = location.pathname.replace(/\/status\/?$/i, "");

  async function call<Body>(
    path: string,
    sent?: RotationBody & { readonly dryRun?: true },
    idempotencyKey?: string,
  ): Promise<Answer<Body>> {
    const headers = {
      ...(sent === undefined ? {} : { "content-type": "application/json" }),
      ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
      ...(functionKey === "" ? {} : { "x-functions-key": functionKey }),
      ...(accessToken === "" ? {} : { authorization: `Bearer ${accessToken}` }),
    };
    const request = sent === undefined ? {} : { method: "POST", body: JSON.stringify(sent) };
    let response: Response;
    let text: string;
    try {
      // A sign-in of the platform is another page, which fetch must not follow.
      response = await fetch(`${routes}/${path}`, { ...request, headers, redirect: "manual" });
      text = await response.text();
    } catch {
      return { kind: "refused", status: 0, problem: noAnswer };
    }
    const json = parse(text);
    // A run in which a gateway failed is an answer too: 207.
    if (response.ok && json !== undefined) return { kind: "answered", body: json as Body };
    const problem = isProblem(json) ? json : problemOf(response);
    return { kind: "refused", status: response.status, problem };
  }

  return {
    listGateways: () => call("gateways"),
    readRun: (id) => call(`rotations/${encodeURIComponent(id)}`),
    dryRun: (body) => call("rotations", { ...body, dryRun: true }),
    rotate: (body, idempotencyKey) => call("rotations", body, idempotencyKey),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isProblem = (json: unknown): json is Problem =>
  typeof json === "object" && json !== null && "title" in json && "nextAction" in json;

const noAnswer: Problem = {
  title: "No answer",
  detail: "The function app did not answer.",
  effect: "unknown",
  nextAction: "Check this device's connection and that the function app runs. The page tries again.",
};

/** The problem when the function did not make the answer, but the host, the platform's sign-in or its front end. */
function problemOf({ status, type }: Response): Problem {
  if (type === "opaqueredirect")
    return {
      title: "Not signed in",
      detail: "The platform asks for a sign-in.",
      effect: "unchanged",
      nextAction: "Reload the page and sign in.",
    };
  if (status === 401)
    return {
      title: "The function key or the access token is not accepted",
      detail: "The function app answered 401.",
      effect: "unchanged",
      nextAction:
        "Enter a host key of this app. If the app requires a sign-in, enter an access token too: it is valid for about an hour.",
    };
  return {
    title: `The function app answered ${status}`,
    detail: "The answer holds no explanation.",
    effect: status >= 400 && status < 500 && status !== 408 ? "unchanged" : "unknown",
    nextAction: "Try again. If the problem persists, read the function app's log.",
  };
}
