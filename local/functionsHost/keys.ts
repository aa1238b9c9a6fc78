import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";

export const authLevels = ["anonymous", "function", "admin"] as const;
export type AuthLevel = (typeof authLevels)[number];

/** Keys of one host, new at every start. */
export interface Keys {
  readonly masterKey: string;
  /** One key for all functions, like the real host's host keys. */
  readonly functionKey: string;
  /** @returns the key that only this function accepts */
  ofFunction(functionName: string): string;
  /** What the request's key permits at this function; without a name, at the admin API. */
  levelOf(request: IncomingMessage, url: URL, functionName?: string): AuthLevel;
}

export function createKeys(functionNames: readonly string[]): Keys {
  const [masterKey, functionKey] = [createKey(), createKey()];
  const own = new Map(functionNames.map((name) => [name, createKey()]));
  return {
    masterKey,
    functionKey,
    ofFunction: (name) => own.get(name) ?? "",
    levelOf(request, url, functionName = "") {
      const given = givenKey(request, url);
      if (given === masterKey) return "admin";
      return given === functionKey || given === own.get(functionName) ? "function" : "anonymous";
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
