/* tests/unit/elect_kit.h - an election that is well, for test_elect.c. */
#ifndef TESTS_UNIT_ELECT_KIT_H_
#define TESTS_UNIT_ELECT_KIT_H_

#include "supervisor/elect.h"
#include "tests/lib/facts_kit.h"

#define ORDER (KIT_EPOCH + 1)

/* pg1, the primary, is gone; an order stands, and pg2 and pg3 have answered it. */
static inline void base(struct elect_facts *f)
{
    memset(f, 0, sizeof(*f));
    f->store = kit_store();
    f->store.lease_stands = false;
    f->store.order_epoch = ORDER;
    f->settings = kit_settings();
    f->order_age_ms = 100;
    f->member_count = 5;
    for (unsigned i = 0; i < KIT_NODES; i++) {
        f->members[i] = kit_member(i + 1);
        f->members[i].follows_epoch = f->members[i].primary_epoch = 0;
        f->members[i].sealed_epoch = i == 0 ? KIT_EPOCH : ORDER;
    }
    f->members[0].is_fresh = false;
    for (unsigned i = 3; i < 5; i++) {
        f->members[i] = kit_member(i + 1);
        f->members[i].is_database = f->members[i].has_data = false;
    }
}

#endif /* TESTS_UNIT_ELECT_KIT_H_ */
