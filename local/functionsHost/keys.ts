import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

export const authLevels = ["anonymous", "function", "admin"] as const;
export type AuthLevel = (typeof authLevels)[number];

/** New with every start. */
export interface Keys {
  readonly masterKey: string;
  /** Of all functions: there is one set of keys, as with the real host's host keys. */
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
 * The header goes before the query, even where it is wrong.
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
