import { z } from "zod";
import type { FunctionMetadata } from "./coreModule.ts";
import { type AuthLevel, authLevels } from "./keys.ts";
import { createRoute, type Route } from "./route.ts";

/** A function, and the name of its trigger's binding. */
export interface Target {
  readonly name: string;
  readonly bindingName: string;
}

export interface TimerFunction extends Target {
  readonly kind: "timer";
  /** As registered: NCRONTAB with six fields, or `%NAME%` of the app setting that has it. */
  readonly schedule: string;
  readonly runOnStartup: boolean;
}

export interface HttpFunction extends Target {
  readonly kind: "http";
  /** In upper case. */
  readonly methods: readonly string[];
  readonly authLevel: AuthLevel;
  readonly route: Route;
}

const TimerTrigger = z.object({ schedule: z.string(), runOnStartup: z.boolean().default(false) });
const HttpTrigger = z.object({
  authLevel: z.enum(authLevels),
  methods: z.array(z.string().toUpperCase()),
  route: z.string().optional(),
});

/**
 * @param routePrefix the value in host.json
 * @throws if this host does not support the function's trigger
 */
export function toServedFunction(
  metadata: FunctionMetadata,
  routePrefix: string,
): TimerFunction | HttpFunction {
  try {
    return readTrigger(metadata, routePrefix);
  } catch (error) {
    throw new Error(`The function "${metadata.name}" cannot be started.`, { cause: error });
  }
}

function readTrigger(
  { name, bindings }: FunctionMetadata,
  routePrefix: string,
): TimerFunction | HttpFunction {
  const [bindingName, trigger] =
    Object.entries(bindings).find(([, { type }]) => /trigger$/i.test(type)) ?? [];
  if (bindingName === undefined) throw new Error("It has no trigger.");
  const target = { name, bindingName };
  switch (trigger?.type) {
    case "timerTrigger":
      return { ...target, kind: "timer", ...TimerTrigger.parse(trigger) };
    case "httpTrigger": {
      const { authLevel, methods, route } = HttpTrigger.parse(trigger);
      const template = [routePrefix, route || name].filter((part) => part !== "").join("/");
      return { ...target, kind: "http", authLevel, methods, route: createRoute(template) };
    }
    default:
      throw new Error(`It has a ${trigger?.type}; the local functions host supports timers and HTTP only.`);
  }
}
