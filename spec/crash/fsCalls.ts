import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const names = ['open', 'stat', 'realpath', 'readdir', 'link', 'rename', 'unlink'] as const
const fileNames = ['read', 'write', 'datasync', 'sync', 'stat', 'close'] as const

type Call = (...given: unknown[]) => Promise<unknown>

/** Makes this process die just before its nth call to the file system. */
export function dieAtFsCall(nth: number): void {
  let calls = 0
  const counted = (owner: object, name: string): Call => {
    const call = Reflect.get(owner, name).bind(owner) as Call
    return async (...given) => {
      if (++calls === nth) process.kill(process.pid, 'SIGKILL')
      const result = await call(...given)
      if (name === 'open') countFile(result as object)
      return result
    }
  }
  const countFile = (file: object) => {
    for (const name of fileNames) Object.defineProperty(file, name, { value: counted(file, name) })
  }
  for (const name of names) Object.assign(fs, { [name]: counted(fs, name) })
  syncBuiltinESMExports()
}
