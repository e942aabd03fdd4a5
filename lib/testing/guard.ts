import { execFile, spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { CassandraStartError } from './error.ts'

/*
 * When this process ends, its pipes are closed, whether it ended normally, by an uncaught error, by Ctrl-C or by kill -9. So
 * each JVM and each data folder has a small shell that waits for the end of a pipe from this process. The shell then ends its
 * JVM or removes its folder. No signal handler is needed. It would change how the host program reacts to signals.
 *
 * Shells and JVMs run in their own sessions, so Ctrl-C in a terminal reaches this process only.
 */

// The subshell waits for the pipe while the shell waits for the JVM.
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

// The JVMs end at the same time and may still create files, so one attempt may not be enough.
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
  /** Resolves to the exit code, which is 128 plus the signal number after a signal. */
  readonly ended: Promise<number>
  /** Ends the process with SIGKILL, even if it is paused, and waits until it has ended. */
  end(): Promise<void>
}

/** Starts a command in the background, with its output appended to a file. */
export async function runGuarded(command: readonly string[], outputFile: string): Promise<Guarded> {
  const shell = startShell(RUN, [outputFile, ...command])
  const pid = await readPid(shell)
  return { ...shell, pid }
}

/** Removes the folder when this process ends. The returned function removes it now. */
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
  // A server that is still running must not keep the program alive. When the program ends, the pipe closes.
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

// Pipes to a child process are sockets, but their types do not say so.
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

/** True when every thread of a process is stopped by SIGSTOP or has ended. */
export async function isStopped(pid: number): Promise<boolean> {
  const states = process.platform === 'linux' ? await threadStates(pid) : [await processState(pid)]
  return states.every(state => !state || /^[TtXZ]/.test(state))
}

async function threadStates(pid: number): Promise<string[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  return await Promise.all(
    threads.map(async thread => {
      const stat = await readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8').catch(() => '')
      // The name of the thread precedes its state, and may contain spaces and parentheses.
      return stat.slice(stat.lastIndexOf(')') + 2)
    }),
  )
}

function processState(pid: number): Promise<string> {
  return new Promise(resolve => {
    execFile('ps', ['-o', 'state=', '-p', String(pid)], (_error, stdout) => resolve(stdout.trim()))
  })
}
