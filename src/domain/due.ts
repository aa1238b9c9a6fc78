import type { Gateway } from "./target.ts";

export const dayMs = 86_400_000;

/** A daily tick that comes a few minutes early must not postpone a rotation by a day. */
export const slackMs = 30 * 60_000;

/**
 * From when on a tick rotates a gateway that was rotated at `rotatedAt`, both in milliseconds since 1970. Its window may
 * postpone that further.
 */
export const dueFrom = (
  { rotateEveryDays = 0 }: Pick<Gateway, "rotateEveryDays">,
  rotatedAt: number,
): number => rotatedAt + rotateEveryDays * dayMs - slackMs;
