// Plain JavaScript, since a Node.js that is too old for the scripts must be able to run it.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 2)) {
  console.error(
    [
      `This is Node.js ${process.versions.node} (${process.execPath}); 24.2 or later is needed, which runs these scripts as they are written.`,
      "npm ci brings one along, unless install scripts are turned off. Fix it with one of:",
      "  npm rebuild node    runs the install script that was left out",
      "  nvm install 24      or any other way to Node.js 24",
    ].join("\n"),
  );
  process.exit(1);
}
