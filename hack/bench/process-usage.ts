/** What a process has used so far, from /proc. */
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';

/** Linux reports CPU time in ticks of 10 ms on every architecture that Node runs on. */
const secondsPerTick = 0.01;

/** CPU of all its threads, user and system. */
export function cpuSeconds(pid: number): number {
  const { user, system } = ticks(pid);
  return (user + system) * secondsPerTick;
}

/** CPU of a server that forks: its own, its living children's, and that of those it has already waited for. */
export function cpuSecondsWithChildren(pid: number): number {
  const { user, system, ended } = ticks(pid);
  const living = childrenOf(pid).map((child) => ticks(child));
  return living.reduce((sum, child) => sum + child.user + child.system, user + system + ended) * secondsPerTick;
}

export function peakResidentBytes(pid: number): number {
  return statusBytes(pid, 'VmHWM');
}

/** Resident memory once it has stopped changing: compiling what has become hot takes memory for a while. */
export async function settledResidentBytes(pid: number): Promise<number> {
  const until = Date.now() + settleLimitMs;
  for (let before = NaN; ; ) {
    const now = statusBytes(pid, 'VmRSS');
    if (Math.abs(now - before) < settledWithinBytes || Date.now() > until) return now;
    before = now;
    await after(settleEveryMs);
  }
}

const settleEveryMs = 500;
const settleLimitMs = 5_000;
const settledWithinBytes = 1e6;

function statusBytes(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const [, kilobytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes ?? NaN) * 1024;
}

interface Ticks {
  readonly user: number;
  readonly system: number;
  readonly ended: number;
}

function ticks(pid: number): Ticks {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return { user: 0, system: 0, ended: 0 };
  }
  // The name in parentheses may hold spaces; utime, stime, cutime, cstime are the 14th to 17th field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system, endedUser, endedSystem] = fields.slice(11, 15).map(Number);
  return { user: user ?? 0, system: system ?? 0, ended: (endedUser ?? 0) + (endedSystem ?? 0) };
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '))
    .filter((child) => child !== '')
    .map(Number);
}
