/** What a page's connections are like. */

/** Runs in the page before anything else: keeps its connections, and what others told of themselves. */
export function watchConnections() {
  window.__connections = [];
  window.__told = [];
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args);
      window.__connections.push(this);
    }
    setRemoteDescription(description) {
      const lines = description.sdp.split('\r\n');
      window.__told.push(...lines.filter(line => /^(a=cand|c=)/.test(line)));
      return super.setRemoteDescription(description);
    }
    addIceCandidate(candidate) {
      window.__told.push(candidate.candidate);
      return super.addIceCandidate(candidate);
    }
  };
}

/** How the other page is reached: the types of the two candidates of each connection that is open. */
export function paths({ page }) {
  return page.evaluate(async () => {
    const open = window.__connections.filter(
      one => one.connectionState === 'connected'
    );
    const pathOf = async connection => {
      const stats = await connection.getStats();
      const transport = [...stats.values()].find(
        ({ type }) => type === 'transport'
      );
      const pair = stats.get(transport.selectedCandidatePairId);
      const [here, there] = [pair.localCandidateId, pair.remoteCandidateId];
      return [here, there].map(id => stats.get(id).candidateType);
    };
    return Promise.all(open.map(pathOf));
  });
}

/** The candidates that others sent to this page, and the addresses in their descriptions. */
export function told({ page }) {
  return page.evaluate(() => window.__told);
}
