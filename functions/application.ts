import { createApp } from "../src/app.ts";

/**
 * What the functions call, except for the static page's. The first invocation imports this module: the host waits for the
 * entry file before it serves anything, and registering a function needs none of the code that runs it. In the bundle, a
 * failed load is tried again at the next invocation, since `require` does not keep a module that threw.
 */
export const { requestRotation, readRotation, listGateways, rotateOnSchedule, resumeRotations } = createApp({
  env: process.env,
  directory: import.meta.dirname,
});
