import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

export const authLevels = ["anonymous", "function", "admin"] as const;
export type AuthLevel = (typeof authLevels)[number];

/** Keys of one host, new at every start. */
export interface Keys {
  readonly masterKey: string;
  /** One key for all functions, like the real host's host keys. */
  readonly functionKey: string;
  admits(level: AuthLevel, request: IncomingMessage, url: URL): boolean;
}

export function createKeys(): Keys {
  const [masterKey, functionKey] = [createKey(), createKey()];
  const accepted: Readonly<Record<Exclude<AuthLevel, "anonymous">, readonly string[]>> = {
    function: [functionKey, masterKey],
    admin: [masterKey],
  };
  return {
    masterKey,
    functionKey,
    admits(level, request, url) {
      if (level === "anonymous") return true;
      const given = givenKey(request, url);
      return accepted[level].some((key) => isSame(given, key));
    },
  };
}

const createKey = () => randomBytes(24).toString("base64url");

/**
 * The header takes precedence over the query, even if the key in it is wrong.
 *
 * @see https://github.com/Azure/azure-functions-host `AuthenticationLevelHandler.cs`
 */
function givenKey({ headersDistinct }: IncomingMessage, { searchParams }: URL): string {
  const code = [...searchParams].find(([name]) => name.toLowerCase() === "code")?.[1];
  return headersDistinct["x-functions-key"]?.[0] ?? code ?? "";
}

function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
