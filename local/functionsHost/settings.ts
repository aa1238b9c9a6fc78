type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Replaces each `%NAME%` in a binding by the app setting of that name.
 *
 * @throws if there is no such setting; the real host then does not run the function
 */
export function resolveSettings(text: string, environment: Environment): string {
  return text.replace(/%([^%]+)%/g, (whole, name: string) => {
    const value = environment[name];
    if (!value) throw new Error(`${whole} does not resolve to a value: the app setting ${name} is not set.`);
    return value;
  });
}

const timeSpan = /^(?:(?<days>\d+)\.)?(?<hours>\d{1,2}):(?<minutes>\d{2}):(?<seconds>\d{2})$/;

/**
 * The time-out of an invocation, in milliseconds; undefined if there is no limit (`-1`). The app setting takes precedence
 * over host.json. Without either, it is the 30 minutes of the Flex Consumption plan.
 */
export function functionTimeoutMs(
  hostJson: string | undefined,
  environment: Environment,
): number | undefined {
  const text = environment["AzureFunctionsJobHost__functionTimeout"] ?? hostJson ?? "00:30:00";
  if (text === "-1") return undefined;
  const parts = timeSpan.exec(text)?.groups;
  if (parts === undefined) throw new Error(`functionTimeout is "${text}", which is not hh:mm:ss.`);
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = [
    parts["days"],
    parts["hours"],
    parts["minutes"],
    parts["seconds"],
  ].map((part) => Number(part ?? 0));
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
}

/**
 * The maximum length of a request's body, in bytes.
 *
 * @see https://github.com/Azure/azure-functions-host `HttpRequestBodySizeMiddleware.cs`
 */
export function requestBodySizeLimit(environment: Environment): number {
  const setting = environment["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"] ?? "";
  return /^\d+$/.test(setting) ? Number(setting) : 104_857_600;
}
