import { parentPort, workerData } from "node:worker_threads";
import { describeFailure, loadFunctionApp } from "./functionApp.ts";
import type { InvocationRequest, InvocationResponse, WorkerMessage } from "./rpc.ts";

/**
 * The counterpart of the real host's Node worker: loads the app and runs its functions through the invocation model of
 * `@azure/functions`. It is a thread, so that a signal that kills or stops the host's process reaches it too.
 */
const send = (message: WorkerMessage) => parentPort?.postMessage(message);

const { functions, programmingModel } = load(workerData);
parentPort?.on("message", (request: InvocationRequest) => void serve(request));
send({ kind: "loaded", functions: [...functions.values()].map(({ metadata }) => metadata) });

function load(folder: string) {
  try {
    return loadFunctionApp(folder, (level, message) => send({ kind: "log", level, message }));
  } catch (error) {
    send({ kind: "failed", message: describeFailure(error) });
    process.exit(1);
  }
}

async function serve(request: InvocationRequest): Promise<void> {
  const { invocationId } = request;
  try {
    send({ kind: "succeeded", invocationId, response: await run(request) });
  } catch (error) {
    const described = error instanceof Error ? (error.stack ?? error.message) : String(error);
    send({ kind: "log", level: "error", message: described, invocationId });
    send({ kind: "failed", invocationId, message: error instanceof Error ? error.message : String(error) });
  }
}

async function run(request: InvocationRequest): Promise<InvocationResponse> {
  const { invocationId, functionName, bindingName, data, traceContext } = request;
  const registered = functions.get(functionName);
  if (registered === undefined)
    throw new Error(`The app registered no function "${functionName}" this time.`);
  const model = programmingModel.getInvocationModel({
    invocationId,
    metadata: registered.metadata,
    request: { inputData: [{ name: bindingName, data }], traceContext },
    log: (level, _category, message) => send({ kind: "log", level, message, invocationId }),
  });
  const { context, inputs } = await model.getArguments();
  const result = await model.invokeFunction(context, inputs, registered.callback);
  const { returnValue } = await model.getResponse(context, result);
  return { returnValue: { http: returnValue?.http } };
}
