/** Microseconds of CPU that a function takes: of several runs the fewest, since others share the machine. */
export function cpuOf(act: () => unknown): number {
  const times = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage()
    act()
    const { user, system } = process.cpuUsage(before)
    return user + system
  })
  return Math.max(1, Math.min(...times))
}
