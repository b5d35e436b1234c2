/** As high as what comes in its place usually is, so that nothing jumps. */
export function Busy({ what, lines = 3 }: { readonly what: string; readonly lines?: number }) {
  return (
    <div class="busy" role="status">
      <p class="quiet">{what}</p>
      {Array.from({ length: lines }, (_none, i) => (
        <span key={i} class="busy-line" aria-hidden="true" />
      ))}
    </div>
  );
}

export function Empty({ children }: { readonly children: string }) {
  return <p class="empty">{children}</p>;
}
