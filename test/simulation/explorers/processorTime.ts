/** Of this process, in milliseconds: limits by it reach as far on a busy machine as on an idle one. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
