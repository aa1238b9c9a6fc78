import type { RotationBody } from "./answers.ts";

/**
 * A request to rotate, as this tab remembers it over a reload: nothing in it is secret. The same request with the same
 * Idempotency-Key is the same run.
 */
export interface SavedRun {
  readonly id: string;
  readonly idempotencyKey: string;
  readonly body: RotationBody;
}

const name = "run";

/** A new request, with the id that its run will have (see `rotate` in src/http/routes.ts). */
export async function newRun(body: RotationBody): Promise<SavedRun> {
  const idempotencyKey = crypto.randomUUID();
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(idempotencyKey));
  const hex = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { id: `http-${hex.slice(0, 40)}`, idempotencyKey, body };
}

export const saveRun = (run: SavedRun): void => sessionStorage.setItem(name, JSON.stringify(run));

export const forgetRun = (): void => sessionStorage.removeItem(name);

export function savedRun(): SavedRun | undefined {
  const text = sessionStorage.getItem(name);
  return text === null ? undefined : (JSON.parse(text) as SavedRun);
}
