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

/** The candidate pair that each open connection has chosen. */
function pairs({ page }) {
  return page.evaluate(() => {
    const pairOf = async connection => {
      const stats = await connection.getStats();
      const transport = [...stats.values()].find(
        ({ type }) => type === 'transport'
      );
      const pair = stats.get(transport.selectedCandidatePairId);
      const typeOf = id => stats.get(id).candidateType;
      return {
        roundTrip: pair.currentRoundTripTime,
        types: [pair.localCandidateId, pair.remoteCandidateId].map(typeOf)
      };
    };
    return Promise.all(
      window.__connections
        .filter(one => one.connectionState === 'connected')
        .map(pairOf)
    );
  });
}

/** How the other page is reached: the types of both candidates, for each open connection. */
export async function paths(one) {
  return (await pairs(one)).map(({ types }) => types);
}

/** How long the way there and back takes, in seconds. */
export async function roundTrip(one) {
  return (await pairs(one))[0].roundTrip;
}

/** Which of the connections that were made so far is open, for people: `1 of 3`. */
export function whichIsOpen({ page }) {
  return page.evaluate(() => {
    const all = window.__connections;
    const open = all.findIndex(one => one.connectionState === 'connected');
    return `${open + 1} of ${all.length}`;
  });
}

/** The candidates that others sent to this page, and the addresses in their descriptions. */
export function told({ page }) {
  return page.evaluate(() => window.__told);
}
