import * as nodeFs from 'node:fs/promises'

/** What is asked of an open file. */
export interface CheckpointFile {
  read(
    into: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>
  write(bytes: Uint8Array, offset: number, length: number): Promise<{ readonly bytesWritten: number }>
  datasync(): Promise<void>
  sync(): Promise<void>
  stat(options: { bigint: true }): Promise<FileStat>
  close(): Promise<void>
}

export interface FileStat {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  isFile(): boolean
  isDirectory(): boolean
}

/** All that is asked of a file system: a part of `node:fs/promises`, so that specs can make each call fail. */
export interface CheckpointFs {
  open(path: string, flags: 'r' | 'ax', mode?: number): Promise<CheckpointFile>
  stat(path: string, options: { bigint: true }): Promise<FileStat>
  realpath(path: string): Promise<string>
  readlink(path: string): Promise<string>
  readdir(path: string): Promise<string[]>
  link(existing: string, path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
}

export const realFs: CheckpointFs = nodeFs
