import { z } from "zod";
import type { RegisteredFunction } from "./coreModule.ts";
import { type AuthLevel, authLevels } from "./keys.ts";
import { createRoute, type Route } from "./route.ts";
import { resolveSettings } from "./settings.ts";

/** A function, and the name of its trigger's binding. */
export interface Target extends RegisteredFunction {
  readonly name: string;
  readonly bindingName: string;
}

export interface TimerFunction extends Target {
  readonly kind: "timer";
  /** NCRONTAB with six fields; app settings are already resolved. */
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
  registered: RegisteredFunction,
  routePrefix: string,
): TimerFunction | HttpFunction {
  const { name } = registered.metadata;
  try {
    return readTrigger(registered, routePrefix);
  } catch (error) {
    throw new Error(`The function "${name}" cannot be started.`, { cause: error });
  }
}

function readTrigger(registered: RegisteredFunction, routePrefix: string): TimerFunction | HttpFunction {
  const { name, bindings } = registered.metadata;
  const [bindingName, trigger] =
    Object.entries(bindings).find(([, { type }]) => /trigger$/i.test(type)) ?? [];
  if (bindingName === undefined) throw new Error("It has no trigger.");
  const target = { ...registered, name, bindingName };
  switch (trigger?.type) {
    case "timerTrigger": {
      const { schedule, runOnStartup } = TimerTrigger.parse(trigger);
      return { ...target, kind: "timer", schedule: resolveSettings(schedule, process.env), runOnStartup };
    }
    case "httpTrigger": {
      const { authLevel, methods, route } = HttpTrigger.parse(trigger);
      const template = [routePrefix, route || name].filter((part) => part !== "").join("/");
      return { ...target, kind: "http", authLevel, methods, route: createRoute(template) };
    }
    default:
      throw new Error(`It has a ${trigger?.type}; the local functions host supports timers and HTTP only.`);
  }
}
