import path from "node:path";
import { createCleanup } from "./cleanup.ts";
import {
  type FunctionsHost,
  type FunctionsHostOptions,
  launchFunctionsHost,
} from "./functionsHost/launch.ts";
import type { InvocationResult } from "./functionsHost/protocol.ts";
import { type Services, type ServicesOptions, startServices } from "./services.ts";

export interface MachineOptions extends ServicesOptions, Pick<FunctionsHostOptions, "onLog"> {
  /** A built folder. Default: ./dist. */
  readonly folder?: string;
  /** Called at the end of each invocation. */
  readonly onInvocation?: (result: InvocationResult, services: Services) => void;
}

/** A function app and the Azure around it, on one machine. */
export interface Machine extends Services {
  readonly functionsHost: FunctionsHost;
}

/** Starts all of Azure that the job needs, and the job in a functions host. What a start that fails has begun is stopped. */
export async function startMachine(options: MachineOptions = {}): Promise<Machine> {
  const { folder = path.join(import.meta.dirname, "..", "dist"), onLog, onInvocation } = options;
  const cleanup = createCleanup();
  try {
    const services = await startServices(options);
    cleanup.add(services.stop);
    const functionsHost = await launchFunctionsHost({
      folder,
      env: services.settings,
      onLog,
      onInvocation: (result) => onInvocation?.(result, services),
    });
    cleanup.add(functionsHost.stop);
    return { ...services, functionsHost, stop: cleanup.run };
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}
