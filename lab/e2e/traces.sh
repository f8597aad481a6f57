# Prints what is on a host of a cluster besides files, one line each. The output
# must be the same before the first apply and after a complete removal.
names='kube|containerd|flannel|etcd|coredns|cri-|cni|pmkctl'
ip -o link | awk -F': ' '{ sub(/@.*/, "", $2); print "link", $2 }'
ip route | sed 's/^/route /'
ip -6 route show proto static | sed 's/^/route /'
awk '{ print "mount", $2 }' /proc/mounts
nft list ruleset 2>/dev/null | grep -oE '(KUBE|FLANNEL|CNI)-[A-Za-z0-9-]+|table .*(kube-proxy|flannel|cni_)[a-z0-9_-]*' | sort -u | sed 's/^/filter /'
if [ -s /proc/net/ip_tables_names ]; then
  iptables-legacy-save | grep -oE '(KUBE|FLANNEL|CNI)-[A-Za-z0-9-]+' | sort -u | sed 's/^/filter of old /'
fi
systemctl list-units --all --plain --no-legend | awk '{ print "unit", $1, $3, $4 }' | grep -E "$names"
systemctl list-unit-files --plain --no-legend | awk '{ print "unit file", $1, $2 }' | grep -E "$names"
ps -eo args | grep -E "$names|/pause" | grep -vE 'grep|ps -eo|sh -c' | sed 's/^/process /'
for s in net.ipv4.ip_forward net.ipv4.ip_local_reserved_ports net.ipv4.conf.all.route_localnet \
  vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops net.netfilter.nf_conntrack_tcp_timeout_established; do
  echo "setting $s=$(sysctl -n $s 2>/dev/null)"
done
for u in etcd kube; do getent passwd $u; getent group $u; done
ls -d /run/flannel /run/containerd /run/nri /run/netns/cni-* 2>/dev/null
true
