import { type SpawnOptions, spawn } from 'node:child_process'
import type { Measured } from './job.ts'
import { machineSeconds } from './machine.ts'
import { ProcessTree } from './processTree.ts'

/** The output of a process, and its measurements from start to end. */
export interface Ended {
  readonly output: string
  readonly measured: Measured
}

/**
 * Runs a command to its end.
 * @throws Error with its output if it fails
 */
export async function wholeProcess(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<Ended> {
  const from = performance.now()
  const machineFrom = machineSeconds()
  const child = spawn(command, args, options)
  using tree = new ProcessTree(child.pid ?? Number.NaN)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', text => {
      output += text
    })
  }
  const code = await new Promise(resolve => child.once('error', resolve).once('close', resolve))
  const seconds = (performance.now() - from) / 1000
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${output}`)
  const { cpuSeconds: cpu_seconds, peakMib: peak_mib } = tree
  const other_cpu_seconds = machineSeconds() - machineFrom - cpu_seconds
  return { output, measured: { seconds, cpu_seconds, other_cpu_seconds, peak_mib, before_mib: 0 } }
}
