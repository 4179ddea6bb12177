/*
 * Merging one cell: two members write while apart; central takes their changes in any order that causal delivery allows;
 * each member takes central's log at its own pace.
 *
 * Shown, for every interleaving, once everybody has everything:
 *  - all hold the same siblings;
 *  - every write is a sibling or was replaced by one whose author had seen it (nothing is lost);
 *  - no replaced write is a sibling (nothing comes back).
 *
 * Faults that must be caught (spin -D…): LAST_WINS, NO_CAUSAL_ORDER, IGNORE_CONTEXT.
 */
#define MEMBERS 2
#define WRITES  2
#define DOTS    4                       /* dot of member m, write n (0 based): bit m * WRITES + n */
#define BIT(d)  (1 << (d))

byte context[DOTS];                     /* the dots each write's author had seen */
byte made = 0;                          /* dots that exist */
byte inbox = 0;                         /* at central, not merged */
byte order[DOTS]; byte merged = 0;      /* central's log */
byte central_known = 0, central_siblings = 0;
byte known[MEMBERS], siblings[MEMBERS], taken[MEMBERS], count[MEMBERS];

/* Everything `d` replaces: what its author had seen, and its own earlier writes. */
#ifdef IGNORE_CONTEXT
#define REPLACED(d) ((d) % WRITES == 1 -> BIT((d) - 1) : 0)
#else
#define REPLACED(d) (context[d] | ((d) % WRITES == 1 -> BIT((d) - 1) : 0))
#endif

#ifdef LAST_WINS
#define APPLY(set, d) set = BIT(d)
#else
#define APPLY(set, d) set = (set & ~(REPLACED(d))) | BIT(d)
#endif

proctype Member(byte m) {
  byte d, p = 0;
  do
  :: d_step { count[m] < WRITES ->
       d = m * WRITES + count[m];
       context[d] = known[m]; made = made | BIT(d);
       APPLY(siblings[m], d);
       known[m] = known[m] | BIT(d);
       count[m]++; d = 0 }
  :: d_step { p < count[m] -> inbox = inbox | BIT(m * WRITES + p); p++ }
  :: d_step { taken[m] < merged ->
       d = order[taken[m]];
       if
       :: known[m] & BIT(d) -> skip                   /* its own */
       :: else -> APPLY(siblings[m], d); known[m] = known[m] | BIT(d)
       fi;
       taken[m]++; d = 0 }
  :: count[m] == WRITES && p == WRITES && taken[m] == DOTS -> break
  od
}

proctype Central() {
  byte d;
  do
  :: merged < DOTS ->
       if
       :: d = 0 :: d = 1 :: d = 2 :: d = 3
       fi;
       d_step {
         if
#ifdef NO_CAUSAL_ORDER
         :: ((inbox & BIT(d)) && !(central_known & BIT(d))) ->
#else
         :: ((inbox & BIT(d)) && !(central_known & BIT(d)) && (REPLACED(d) & ~central_known) == 0) ->
#endif
              APPLY(central_siblings, d);
              central_known = central_known | BIT(d);
              order[merged] = d; merged++
         :: else -> skip
         fi }
  :: else -> break
  od
}

init {
  byte d, e;
  atomic { run Member(0); run Member(1); run Central() };
  _nr_pr == 1 ->
  d_step {
    assert(siblings[0] == central_siblings && siblings[1] == central_siblings);
    d = 0;
    do
    :: d < DOTS ->
         /* Replaced by whom? A later write of the same author, or one whose author had seen it. */
         e = (d % WRITES == 0 -> 1 : 0);
         if :: context[0] & BIT(d) -> e = 1 :: else -> skip fi;
         if :: context[1] & BIT(d) -> e = 1 :: else -> skip fi;
         if :: context[2] & BIT(d) -> e = 1 :: else -> skip fi;
         if :: context[3] & BIT(d) -> e = 1 :: else -> skip fi;
         assert((e == 1) == ((central_siblings & BIT(d)) == 0));
         d++
    :: else -> break
    od }
}
