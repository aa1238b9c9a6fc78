import type { HostLog, HostMessage, HostReady } from "./protocol.ts";

/** The host's two outputs: lines for people on stdout, and messages to the process that started the host. */
export interface Reporter {
  /** Names the function of a log line that has only the invocation's id. */
  log(log: HostLog): void;
  began(invocationId: string, functionName: string): void;
  report(message: HostMessage): void;
  /** Sends the keys to the process that started the host, or prints them if there is no such process. */
  ready(ready: HostReady): void;
}

export function createReporter(): Reporter {
  const report = (message: HostMessage) => {
    if (process.connected) process.send?.(message);
  };
  const functionNames = new Map<string, string>();
  return {
    began: (invocationId, functionName) => void functionNames.set(invocationId, functionName),
    report(message) {
      report(message);
      if (message.kind === "invocationCompleted") functionNames.delete(message.invocationId);
    },
    ready(ready) {
      if (process.connected) return report({ kind: "ready", ...ready });
      const { port, functions, masterKey, functionKey } = ready;
      console.log(`ready       http://127.0.0.1:${port}  functions: ${functions.join(", ")}`);
      console.log(`keys        master: ${masterKey}  function: ${functionKey}`);
    },
    log(log) {
      const functionName = log.functionName ?? functionNames.get(log.invocationId ?? "");
      console.log(`${log.level.padEnd(11)} ${functionName ?? "host"}  ${log.message}`);
      report({ kind: "log", ...log, functionName });
    },
  };
}

/** An error's message with those of its causes, which say what is wrong. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} ${describeFailure(error.cause)}`;
}
