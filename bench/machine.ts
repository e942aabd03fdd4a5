import { cpus } from 'node:os'

/** CPU seconds of the whole machine since it started. */
export function machineSeconds(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000
}
