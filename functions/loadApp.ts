import type { App } from "../src/app.ts";

let app: Promise<App> | undefined;

/**
 * Loads the application at the first invocation, and keeps it. The host waits for the entry file before it serves
 * anything, and registering a function needs none of the code that runs it. A failed load is tried again at the next
 * invocation.
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
