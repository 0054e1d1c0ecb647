import { type Peer, startPeer } from '../peer.js';

export interface Settings {
  /** Commands that run the peers' interpreters. */
  python: readonly string[];
  merlin: readonly string[];
  javascript: readonly string[];
  threads: number;
  rounds: number;
}

/** What jobs share: the settings, and the peers, whose versions are kept for the result page. */
export class Context {
  readonly versions: Record<string, string> = {};

  constructor(readonly settings: Settings) {}

  get rounds(): number {
    return this.settings.rounds;
  }

  /** Runs `body` with a peer of each script, all started before and stopped after. */
  async with<R>(scripts: readonly Script[], body: (peers: Peer[]) => Promise<R>): Promise<R> {
    const peers: Peer[] = [];
    try {
      for (const { interpreter = 'python', file, options } of scripts) {
        const peer = await startPeer(this.settings[interpreter], file, { ...options, threads: this.settings.threads });
        Object.assign(this.versions, peer.versions);
        peers.push(peer);
      }
      return await body(peers);
    } finally {
      for (const peer of peers) peer.stop();
    }
  }
}

export interface Script {
  /** Python's main environment unless said otherwise. */
  interpreter?: 'python' | 'merlin' | 'javascript';
  file: string;
  options: Record<string, number | string>;
}
