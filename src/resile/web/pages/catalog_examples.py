"""What stands in the form for a new document: of each kind one that works, with what every field means."""

from resile.app.playbook_sample import PLAYBOOK_EXAMPLE
from resile.model.catalog import Kind

EXAMPLES: dict[Kind, str] = {
    Kind.PERSON: """\
kind: person
name: ann                      # small letters, digits and . _ -
title: Ann Example             # as pages call her
# user: ann.example            # her account, where it is called otherwise
zone: Europe/Berlin            # in which she is shown times
contacts:                      # how she is reached
- {name: mobile, channel: sms, address: "+15550100"}
- {name: mail, channel: email, address: ann@example.org}
rules:                         # when which contact is used; without any: all, two minutes apart
- {use: mobile}
- {use: mail, after: 2m, severities: [SEV1, SEV2]}
""",
    Kind.TEAM: """\
kind: team
name: payments
title: Payments
members: [ann]                 # people of the catalog
# schedules: [payments]        # whom to call for the team, in order
# policy: payments             # who is paged for its services that have no policy of their own
""",
    Kind.SERVICE: """\
kind: service
name: checkout
title: Checkout
# owner: payments              # a team
# depends_on: [database]       # services without which it does not work
# policy: payments             # who is paged; without: as its owner says
aliases: [checkout-api]        # what alerts call it
""",
    Kind.SCHEDULE: """\
kind: schedule
name: payments
title: Payments
zone: Europe/Berlin            # by whose clock it runs
layers:                        # of these, the last in which somebody is on duty holds
- name: primary
  starts: 2026-03-02 09:00     # the first hand-over, by the local clock
  every: week                  # hour, day, week or month; or several: 2 weeks
  people: [ann]                # in their order
  # hours: [{from: "09:00", until: "17:00", days: [mon, tue, wed, thu, fri]}]
""",
    Kind.POLICY: """\
kind: policy
name: payments
title: Payments
steps:                         # until somebody acknowledges
- page: [person/ann]           # also schedule/payments, team/payments; all of them at once
- page: [person/ann]
  after: 10m                   # after the step before
repeat: 2                      # how often the whole is done again
last: 5m                       # how long after the last step
""",
    Kind.ROUTE: """\
kind: route
name: databases
match: {service: "~db-.*", severity: "!SEV5"}  # ~ a pattern, ! anything but
order: 100                     # of several that match, the lowest decides
group_by: [cluster]            # alerts of the same values go into one incident
# policy: payments             # who is paged; without: the service's, its team's, else the policy default
pages: true                    # false: the incident is declared and nobody is paged
""",
    Kind.INHIBITION: """\
kind: inhibition
name: cluster-down
while_firing: {alertname: ClusterDown}         # while one that matches fires,
mute: {severity: "~SEV[345]"}                  # these make no incident,
equal: [cluster]                               # where these labels are the same in both
""",
    Kind.PLAYBOOK: PLAYBOOK_EXAMPLE,
    Kind.TEMPLATE: """\
kind: template
name: short-page
message: page                  # page, shift_notice or update; of updates also audience and phase
channel: sms                   # for this channel alone; without: for all
text: "{{ incident.severity }} {{ incident.title }}"
""",
    Kind.COMPONENT: """\
kind: component
name: shop
title: Online shop             # as the public status page calls it
description: Browsing, basket and checkout
# group: Shopping              # components of one group stand together
order: 10                      # the lower, the higher on the page
# services: [checkout]         # for which it stands; never shown to the public
public: true                   # false: the page does not show it
""",
}
