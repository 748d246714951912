/** Merges counts, means and sums of squared differences, as `mergeMoments` in `src/merge.ts` does. */
export const moments = `
create function weir.merge_moments(held jsonb, brought jsonb) returns jsonb
language plpgsql immutable strict parallel safe as $body$
declare
  n double precision := held->>0;
  mean double precision := held->>1;
  m double precision := brought->>0;
  delta double precision := (brought->>1)::double precision - mean;
begin
  return jsonb_build_array(
    n + m,
    mean + delta * m / (n + m),
    (held->>2)::double precision + (brought->>2)::double precision + delta * delta * n * m / (n + m)
  );
end
$body$;

create aggregate weir.moments(jsonb) (sfunc = weir.merge_moments, stype = jsonb);
`;
