import { z } from "zod";
import type { FunctionMetadata } from "./functionApp.ts";
import { type AuthLevel, authLevels } from "./keys.ts";

/** A function, and the name of its trigger's binding. */
export interface Target {
  readonly name: string;
  readonly bindingName: string;
}

export interface TimerFunction extends Target {
  readonly kind: "timer";
  /** As registered: NCRONTAB with six fields, or `%NAME%` of the app setting that has it. */
  readonly schedule: string;
}

export interface HttpFunction extends Target {
  readonly kind: "http";
  /** In upper case. */
  readonly methods: readonly string[];
  readonly authLevel: AuthLevel;
  readonly route: Route;
}

/** No function of this project runs at the start: that would rotate at every deployment. */
const TimerTrigger = z.object({ schedule: z.string(), runOnStartup: z.literal(false).optional() });
const HttpTrigger = z.object({
  authLevel: z.enum(authLevels),
  methods: z.array(z.string().toUpperCase()),
  route: z.string().optional(),
});

/** @throws if this host does not support the function's trigger */
export function toServedFunction(metadata: FunctionMetadata): TimerFunction | HttpFunction {
  try {
    return readTrigger(metadata);
  } catch (error) {
    throw new Error(`The function "${metadata.name}" cannot be started.`, { cause: error });
  }
}

function readTrigger({ name, bindings }: FunctionMetadata): TimerFunction | HttpFunction {
  const [bindingName, trigger] =
    Object.entries(bindings).find(([, { type }]) => /trigger$/i.test(type)) ?? [];
  if (bindingName === undefined) throw new Error("It has no trigger.");
  const target = { name, bindingName };
  switch (trigger?.type) {
    case "timerTrigger":
      return { ...target, kind: "timer", schedule: TimerTrigger.parse(trigger).schedule };
    case "httpTrigger": {
      const { authLevel, methods, route } = HttpTrigger.parse(trigger);
      return { ...target, kind: "http", authLevel, methods, route: createRoute(`api/${route || name}`) };
    }
    default:
      throw new Error(`It has a ${trigger?.type}; the local functions host supports timers and HTTP only.`);
  }
}

export interface Route {
  /** The path from the URL's root, such as `api/rotations/{runId}`. */
  readonly template: string;
  /** @returns the path's parameters, decoded; undefined if the path does not match this route */
  match(pathname: string): Readonly<Record<string, string>> | undefined;
}

/**
 * Creates a route. Each segment is either literal (case does not matter) or one parameter. ASP.NET's other forms
 * (optional, constrained, catch-all, with a default) are not supported.
 *
 * @throws if the template uses one of those
 */
export function createRoute(template: string): Route {
  const parts = template.split("/").map(toPart);
  return {
    template,
    match(pathname) {
      const segments = decodePath(pathname)
        .replace(/^\/|\/$/g, "")
        .split("/");
      if (segments.length !== parts.length) return undefined;
      const params: Record<string, string> = {};
      for (const [index, { parameter, literal }] of parts.entries()) {
        const segment = segments[index] ?? "";
        if (parameter === undefined ? segment.toLowerCase() !== literal : segment === "") return undefined;
        if (parameter !== undefined) params[parameter] = segment;
      }
      return params;
    },
  };
}

function toPart(segment: string): { readonly parameter?: string | undefined; readonly literal: string } {
  const parameter = /^\{([a-z_]\w*)\}$/i.exec(segment)?.[1];
  if (parameter === undefined && /[{}]/.test(segment))
    throw new Error(`The local functions host does not support the route segment "${segment}".`);
  return { parameter, literal: segment.toLowerCase() };
}

/** Decodes like the real host's server: `%2F`, which would look like a new segment, and invalid encodings stay as they are. */
export function decodePath(pathname: string): string {
  return pathname.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded.replace(/%(?=2f)/gi, "%25"));
    } catch {
      return encoded;
    }
  });
}
