import { execFile, spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { CassandraStartError } from './error.ts'

/*
 * Whatever ends this process (its end, an uncaught error, Ctrl-C, kill -9), its pipes are closed. So each JVM and the
 * data folder have a small shell beside them that waits for the end of a pipe from here, and then ends its JVM or
 * removes the folder. No signal handler is needed, which would change how the host program reacts to signals.
 *
 * The shells and JVMs are sessions of their own: Ctrl-C in a terminal goes to this process alone.
 */

// Waits for the JVM while the shell in the background waits for the pipe.
const RUN = `
output=$1
shift
exec 3<&0
"$@" </dev/null >>"$output" 2>&1 3<&- &
jvm=$!
echo $jvm
(read -r _ <&3; kill -9 $jvm) &
reader=$!
wait $jvm
code=$?
kill $reader
exit $code
`

// The JVMs are being ended at the same moment, so the first attempt may meet a file that is just being made.
const REMOVE = `
read -r _
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  rm -rf "$1"
  [ -e "$1" ] || exit 0
  sleep 0.2
done
exit 1
`

/** A process that ends when this one does. */
export interface Guarded {
  readonly pid: number
  /** True until the process has ended. */
  isRunning(): boolean
  /** How it ended: an exit code, 128 + the signal's number after a signal. */
  readonly ended: Promise<number>
  /** Ends it with SIGKILL, also when it is stopped, and waits for its end. */
  end(): Promise<void>
}

/** Starts a command in the background, with its output appended to a file. */
export async function runGuarded(command: readonly string[], outputFile: string): Promise<Guarded> {
  const shell = startShell(RUN, [outputFile, ...command])
  const pid = await readPid(shell)
  return { ...shell, pid }
}

/** Has the folder removed when this process ends. The result removes it now. */
export function removeAtEnd(folder: string): () => Promise<void> {
  const shell = startShell(REMOVE, [folder])
  shell.stdout.destroy()
  return shell.end
}

function startShell(script: string, args: readonly string[]) {
  const shell = spawn('/bin/sh', ['-c', script, 'cassandra-streams', ...args], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  })
  let running = true
  const ended = new Promise<number>(resolve => {
    shell.once('exit', code => resolve(code ?? 1))
    shell.once('error', () => resolve(127))
  }).finally(() => {
    running = false
  })
  shell.stdin.on('error', () => {})
  // A program that forgets to stop its server must still be able to end; the pipe then closes.
  shell.unref()
  unref(shell.stdin)
  return {
    stdout: shell.stdout,
    ended,
    isRunning: () => running,
    end: async () => {
      if (!running) return
      shell.ref()
      shell.stdin.end()
      await ended
    },
  }
}

// Pipes to a child are sockets, which the types do not say.
function unref(pipe: Writable): void {
  if (pipe instanceof Socket) pipe.unref()
}

async function readPid({ stdout, ended }: { stdout: Readable; ended: Promise<number> }): Promise<number> {
  const line = new Promise<number>(resolve => stdout.once('data', chunk => resolve(Number(String(chunk)))))
  const died = ended.then(code => {
    throw new CassandraStartError(`/bin/sh ended with ${code} before it started Java`)
  })
  try {
    return await Promise.race([line, died])
  } finally {
    stdout.destroy()
  }
}

/** True when every thread of a process is stopped by SIGSTOP, or is gone. */
export async function isStopped(pid: number): Promise<boolean> {
  const states = process.platform === 'linux' ? await threadStates(pid) : [await processState(pid)]
  return states.every(state => !state || /^[TtXZ]/.test(state))
}

async function threadStates(pid: number): Promise<string[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  return await Promise.all(
    threads.map(async thread => {
      const stat = await readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8').catch(() => '')
      // The name before the state may hold spaces and brackets of its own.
      return stat.slice(stat.lastIndexOf(')') + 2)
    }),
  )
}

function processState(pid: number): Promise<string> {
  return new Promise(resolve => {
    execFile('ps', ['-o', 'state=', '-p', String(pid)], (_error, stdout) => resolve(stdout.trim()))
  })
}
