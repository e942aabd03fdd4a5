import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const names = ['open', 'lstat', 'realpath', 'readlink', 'readdir', 'link', 'rename', 'unlink'] as const
const fileNames = ['read', 'write', 'datasync', 'sync', 'stat', 'close'] as const

type Call = (...given: unknown[]) => Promise<unknown>

/** Calls `before` with the number of each call to the file system, counted from 1, until it is disposed of. */
export function watchFsCalls(before: (nth: number) => void): Disposable {
  let calls = 0
  const counted = (owner: object, name: string): Call => {
    const call = Reflect.get(owner, name).bind(owner) as Call
    return async (...given) => {
      before(++calls)
      const result = await call(...given)
      if (name === 'open') watchFile(result as object)
      return result
    }
  }
  const watchFile = (file: object) => {
    for (const name of fileNames) Object.defineProperty(file, name, { value: counted(file, name) })
  }
  const own = Object.fromEntries(names.map(name => [name, fs[name]]))
  for (const name of names) Object.assign(fs, { [name]: counted(fs, name) })
  syncBuiltinESMExports()
  return {
    [Symbol.dispose]: () => {
      Object.assign(fs, own)
      syncBuiltinESMExports()
    },
  }
}

/** Kills this process just before its nth call to the file system. */
export function dieAtFsCall(nth: number): void {
  watchFsCalls(call => {
    if (call === nth) process.kill(process.pid, 'SIGKILL')
  })
}
