/** Preloaded into a child process (`node --import`), so that the child ends when its parent is killed. */
process.once("disconnect", () => process.exit());
