import type { App } from "../src/app.ts";

let app: Promise<App> | undefined;

/**
 * The application, loaded at the first invocation and kept. The host waits for the entry file before it serves
 * anything, and to register a function takes none of the code that runs it. A failed load is tried again.
 */
export function loadApp(): Promise<App> {
  app ??= import("../src/app.ts").then(({ createApp }) =>
    createApp({ variables: process.env, directory: import.meta.dirname }),
  );
  app.catch(() => {
    app = undefined;
  });
  return app;
}
