/*
 * Verdicts: members' changes wait in central's inbox; a merge judges each at its place, in one transaction; a keeper
 * revokes a device at any moment; the process dies at any moment and a merge is taken up again.
 *
 * Shown, for every interleaving:
 *  - no change of a revoked device takes effect after the revocation;
 *  - every received change gets exactly one verdict and one place, however often the process dies;
 *  - places have no gaps.
 *
 * Faults that must be caught (spin -D…): JUDGE_AT_PUSH, TWO_TRANSACTIONS, LEAVE_IN_INBOX.
 */
#define CHANGES 3

byte inbox = 0;                 /* received, on disk */
byte allowed = 0;               /* judged when pushed (the fault) */
byte logged = 0, applied = 0;   /* on disk */
byte places = 0;
byte times[CHANGES];            /* verdicts given */
bool revoked = false;
byte dead = 0;
bool done_pushing = false;

proctype Device() {
  byte c = 0;
  do
  :: c < CHANGES ->
       d_step { inbox = inbox | (1 << c); if :: !revoked -> allowed = allowed | (1 << c) :: else -> skip fi; c++ }
  :: else -> break
  od;
  done_pushing = true
}

proctype Keeper() { revoked = true }

#ifdef JUDGE_AT_PUSH
#define STANDS(c) (allowed & (1 << (c)))
#else
#define STANDS(c) (!revoked)
#endif

proctype Merge() {
  byte c;
  do
  :: inbox != 0 ->
       c = 0;
       do
       :: c < CHANGES && !(inbox & (1 << c)) -> c++
       :: else -> break
       od;
       if
       :: c < CHANGES ->
#ifdef TWO_TRANSACTIONS
            d_step { inbox = inbox & ~(1 << c) };
            if
            :: dead < 2 -> dead++          /* dies between the two */
            :: else ->
                 d_step {
                   if :: STANDS(c) -> assert(!revoked); applied = applied | (1 << c) :: else -> skip fi;
                   logged = logged | (1 << c); places++; times[c]++ }
            :: d_step {
                   if :: STANDS(c) -> assert(!revoked); applied = applied | (1 << c) :: else -> skip fi;
                   logged = logged | (1 << c); places++; times[c]++ }
            fi
#else
            if
            :: dead < 2 -> dead++          /* dies before COMMIT: nothing happened */
            :: d_step {
                 if :: STANDS(c) -> assert(!revoked); applied = applied | (1 << c) :: else -> skip fi;
                 logged = logged | (1 << c); places++; times[c]++;
#ifndef LEAVE_IN_INBOX
                 inbox = inbox & ~(1 << c)
#else
                 if :: dead < 2 -> dead++ :: else -> inbox = inbox & ~(1 << c) fi
#endif
               }
            fi
#endif
       :: else -> skip
       fi;
       c = 0
  :: inbox == 0 && done_pushing -> break
  od
}

init {
  byte c = 0;
  atomic { run Device(); run Keeper(); run Merge() };
  _nr_pr == 1 ->
  d_step {
    assert(logged == (1 << CHANGES) - 1);
    assert(places == CHANGES);
    do
    :: c < CHANGES -> assert(times[c] == 1); c++
    :: else -> break
    od }
}
