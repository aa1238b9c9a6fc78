import { z } from "zod";
import type { FunctionMetadata } from "./functionApp.ts";

/** Each level includes those before it. */
export const authLevels = ["anonymous", "function", "admin"] as const;

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
  readonly authLevel: (typeof authLevels)[number];
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
  const unsupported = template.split("/").find((segment) => !/^([\w-]+|\{[a-z_]\w*\})$/i.test(segment));
  if (unsupported !== undefined)
    throw new Error(`The local functions host does not support the route segment "${unsupported}".`);
  const pattern = new RegExp(`^/${template.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}/?$`, "i");
  return {
    template,
    match(pathname) {
      const found = pattern.exec(decodePath(pathname));
      return found === null ? undefined : { ...found.groups };
    },
  };
}

/** Decodes like the real host's server: `%2F`, which would look like a new segment, and invalid encodings stay as they are. */
function decodePath(pathname: string): string {
  return pathname.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded.replace(/%(?=2f)/gi, "%25"));
    } catch {
      return encoded;
    }
  });
}
