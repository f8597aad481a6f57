#!/bin/sh
# Written by pmkctl and run after each start of flanneld: makes the CNI
# configuration of this host from the subnet that flanneld got.
set -eu
. /run/flannel/subnet.env

# FLANNEL_SUBNET is the bridge's address, the first of the subnet: 10.244.1.1/24.
address=${FLANNEL_SUBNET%/*}
subnet=${address%.*}.$((${address##*.} - 1))/${FLANNEL_SUBNET#*/}
# Either flanneld masquerades or the bridge does.
case ${FLANNEL_IPMASQ:-false} in true) masq=false ;; *) masq=true ;; esac

file=/etc/cni/net.d/10-flannel.conflist
cat >"$file.new" <<END
{
  "cniVersion": "1.0.0",
  "name": "flannel",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "cni0",
      "isDefaultGateway": true,
      "hairpinMode": true,
      "ipMasq": $masq,
      "mtu": $FLANNEL_MTU,
      "ipam": {
        "type": "host-local",
        "ranges": [[{ "subnet": "$subnet" }]],
        "routes": [{ "dst": "$FLANNEL_NETWORK" }]
      }
    },
    {
      "type": "portmap",
      "capabilities": { "portMappings": true }
    }
  ]
}
END
mv -f "$file.new" "$file"
