/** Microseconds of CPU of a function. The lowest of several runs, because other programs share the machine. */
export function cpuOf(act: () => unknown): number {
  const times = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage()
    act()
    const { user, system } = process.cpuUsage(before)
    return user + system
  })
  return Math.max(1, Math.min(...times))
}
