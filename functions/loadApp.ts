import type { App } from "../src/app.ts";

let app: Promise<App> | undefined;

/**
 * The application, loaded at the first invocation and kept: the host waits for the entry file before it can
 * serve anything, and registering a function needs none of what running it needs. A load that failed is not kept.
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
